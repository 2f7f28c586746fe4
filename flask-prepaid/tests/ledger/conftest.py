from collections.abc import Iterator

import pytest
from sqlalchemy import URL

from .books import Books


@pytest.fixture
def books(database: URL) -> Iterator[Books]:
    """A ledger with nothing in it. Whatever a test does to it, it adds up at the end."""
    books = Books(database)
    yield books
    books.db.session.rollback()
    assert books.prepaid.audit() == []
    books.close()


@pytest.fixture
def other_books(database: URL) -> Iterator[Books]:
    """The same ledger from another process, as far as the database can tell. Enter its app's context."""
    books = Books(database)
    books.context.pop()
    yield books
    with books.app.app_context():
        books.db.engine.dispose()
