"""Millions of rows into a table, as quickly as the database takes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Engine, Table, text

#: Rows of one ``executemany``.
CHUNK = 50_000


def load(engine: Engine, table: Table, rows: Iterable[dict[str, Any]]) -> None:
    """Write ``rows``, each with the same columns: COPY on PostgreSQL, one prepared INSERT on SQLite.

    Indexes are made afterwards, and PostgreSQL doesn't ask after each row's foreign keys and triggers:
    who loads makes sure that they hold.
    """
    rows = iter(rows)
    first = next(rows)
    values = readers(engine, table, first)
    tuples = (tuple(read(row) for read in values) for row in (first, *rows))
    with engine.begin() as connection:
        indexes = list(table.indexes)
        for index in indexes:
            index.drop(connection)
        if engine.dialect.name == "postgresql":
            copy(connection, table, list(first), tuples)
        else:
            execute_many(connection, table, list(first), tuples)
        for index in indexes:
            index.create(connection)


def readers(engine: Engine, table: Table, first: dict[str, Any]) -> list[Callable[[dict[str, Any]], Any]]:
    """For each column what takes its value from a row, as the driver wants it."""

    def reader(name: str) -> Callable[[dict[str, Any]], Any]:
        bind = table.c[name].type.dialect_impl(engine.dialect).bind_processor(engine.dialect)
        return (lambda row: row[name]) if bind is None else (lambda row: bind(row[name]))

    return [reader(name) for name in first]


def copy(connection: Connection, table: Table, names: list[str], tuples: Iterator[tuple[Any, ...]]) -> None:
    connection.execute(text("SET LOCAL session_replication_role = replica"))
    driver = connection.connection.driver_connection
    assert driver is not None, "a transaction has begun"
    quoted = ", ".join(f'"{name}"' for name in names)
    with driver.cursor().copy(f"COPY {table.name} ({quoted}) FROM STDIN") as into:
        for row in tuples:
            into.write_row(row)


def execute_many(
    connection: Connection, table: Table, names: list[str], tuples: Iterator[tuple[Any, ...]]
) -> None:
    quoted, marks = ", ".join(f'"{name}"' for name in names), ", ".join("?" for _ in names)
    insert = f"INSERT INTO {table.name} ({quoted}) VALUES ({marks})"
    while chunk := list(islice(tuples, CHUNK)):
        connection.exec_driver_sql(insert, chunk)
