from collections.abc import Iterator

import pytest
from sqlalchemy import URL

from .books import Books


@pytest.fixture
def books(database: URL) -> Iterator[Books]:
    """A ledger with nothing in it."""
    books = Books(database)
    yield books
    books.close()


@pytest.fixture
def other_books(database: URL) -> Iterator[Books]:
    """The same ledger from another process, as far as the database can tell."""
    books = Books(database)
    yield books
    books.discard()
