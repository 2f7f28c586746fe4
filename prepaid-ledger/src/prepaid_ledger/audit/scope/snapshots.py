"""Readings from one moment of a live database."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from weakref import WeakSet

from sqlalchemy import Connection, Engine, Executable
from sqlalchemy.exc import DBAPIError

from ...database.busy import RETRYABLE, sqlstate

Read = TypeVar("Read")

#: A standby may take a snapshot away that stands in the way of what it copies.
TRIES = 5

#: Rows that are fetched at a time, of each query.
FETCH = 2_000

#: The option of a snapshot's connection that has what is read from it.
STREAMS = "prepaid_streams"


def from_snapshot(books: Engine, read: Callable[[Connection], Read]) -> Read:
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
    """A connection that sees the database as it is now, however long the reading takes.

    What ``fetch`` has not read to its end when it ends is closed: whoever fails, fails in the middle.
    """
    streams = WeakSet[Generator[Any, None, None]]()
    if engine.dialect.name == "postgresql":
        engine = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN")  # Python's driver begins none for reading
        else:  # one plan for all wallets would be made for a wallet of few entries
            connection.exec_driver_sql("SET LOCAL plan_cache_mode = force_custom_plan")
        try:
            yield connection.execution_options(**{STREAMS: streams})
        finally:
            for rows in [*streams]:
                rows.close()


def fetch(connection: Connection, query: Executable) -> Iterator[Any]:
    """The rows of a query, a few thousand at a time, by a cursor on the server where there is one.

    :param connection: Of a ``snapshot``.
    """
    rows = _rows(connection, query)
    connection.get_execution_options()[STREAMS].add(rows)
    return rows


def _rows(connection: Connection, query: Executable) -> Generator[Any, None, None]:
    with connection.execute(query, execution_options={"yield_per": FETCH}) as rows:
        yield from rows
