from collections.abc import Iterator

import pytest
from sqlalchemy import URL, Engine, create_engine

from prepaid_ledger.testing import Databases

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


@pytest.fixture
def place(databases: Databases) -> Iterator[Engine]:
    """A new file to archive to."""
    engine = create_engine(databases.empty("sqlite"))
    yield engine
    engine.dispose()
