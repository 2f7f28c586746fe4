"""Readings from one moment of a live database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from ...database.busy import RETRYABLE, sqlstate

Result = TypeVar("Result")

#: A standby may take a snapshot away that stands in the way of what it copies.
TRIES = 5


def from_snapshot(books: Engine, read: Callable[[Connection], Result]) -> Result:
    """What is read from one snapshot; again, from another, where a standby takes it away.

    :param read: Begins anew each time, and has read all when it returns.
    """
    for _ in range(TRIES - 1):
        try:
            with snapshot(books) as connection:
                return read(connection)
        except DBAPIError as error:
            if sqlstate(error) not in RETRYABLE:
                raise
    with snapshot(books) as connection:
        return read(connection)


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """A connection that sees the database as it is now, however long the reading takes."""
    if engine.dialect.name == "postgresql":
        engine = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN")  # Python's driver begins none for reading
        yield connection
