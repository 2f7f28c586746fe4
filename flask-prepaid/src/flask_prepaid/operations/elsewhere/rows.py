"""The rows of one table, from one database to another: each value as it is there, SQL's NULL as well."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import JSON, Column, Connection, Row, Table, TypeDecorator, func, insert, null, select

from ...errors import ConfigError
from .at_rest import named, numbers_at_rest, triggers_at_rest

#: Rows that are read and written at once.
AT_ONCE = 1_000

Values = dict[str, Any]


def copy_rows(table: Table, source: Connection, target: Connection, seen: Callable[[], None]) -> int:
    """Copy one table; how many rows it has.

    :param seen: Called for each row.
    :raises ConfigError: It is not empty there, or holds another number of rows in the end.
    """
    if _count(table, target):
        raise ConfigError(f"There are rows in {table.fullname} already. Copy to an empty database.")
    columns = [column for column in table.columns if column.computed is None]
    doubtful = [column for column in columns if _may_mistake_null(column, source, target)]
    json = {column.key for column in columns if _is(JSON, column, target)}
    every = (
        select(*columns, *(column.is_(null()).label(None) for column in doubtful))
        .order_by(*table.primary_key.columns)
        .execution_options(yield_per=AT_ONCE)
    )
    with (
        triggers_at_rest(table, target),
        numbers_at_rest(table, target),
        source.execute(every) as rows,
    ):
        for part in rows.partitions():
            for nulls, same in _by_their_nulls(part, columns, doubtful).items():
                for values in same:
                    values.update({key: JSON.NULL for key in json & values.keys() if values[key] is None})
                into = insert(table)
                target.execute(into.values(dict.fromkeys(nulls, null())) if nulls else into, same)
            for _ in part:
                seen()
    here, there = _count(table, source), _count(table, target)
    if here != there:
        raise ConfigError(
            f"Of {here:,} rows of {table.fullname} {there:,} arrived, so nothing was copied. Does a rule "
            "or a policy of that database keep rows away?"
        )
    _count_on(table, target)
    return there


def _count(table: Table, connection: Connection) -> int:
    return connection.scalar(select(func.count()).select_from(table)) or 0


def _may_mistake_null(column: Column[Any], *databases: Connection) -> bool:
    """Whether Python's None says too little: JSON has its own null, and a host's type may make one up."""
    return any(_is((JSON, TypeDecorator), column, database) for database in databases)


def _is(kind: type | tuple[type, ...], column: Column[Any], database: Connection) -> bool:
    return isinstance(column.type.dialect_impl(database.dialect), kind)


def _by_their_nulls(
    rows: Sequence[Row[Any]], columns: list[Column[Any]], doubtful: list[Column[Any]]
) -> dict[tuple[str, ...], list[Values]]:
    """The rows by which of the doubtful columns are NULL in the database; those are not among the values."""
    groups: dict[tuple[str, ...], list[Values]] = {}
    for row in rows:
        values = {column.key: value for column, value in zip(columns, row, strict=False)}
        flags = zip(doubtful, row[len(columns) :], strict=True)
        nulls = tuple(column.key for column, is_null in flags if is_null)
        for key in nulls:
            del values[key]
        groups.setdefault(nulls, []).append(values)
    return groups


def _count_on(table: Table, target: Connection) -> None:
    """Let PostgreSQL give out numbers after the highest that was copied; SQLite does so by itself."""
    column = next((column for column in table.columns if column.identity), table.autoincrement_column)
    if column is None or target.dialect.name != "postgresql":
        return
    sequence = func.pg_get_serial_sequence(named(table, target), column.name)
    highest = target.scalar(select(func.max(column)))
    if highest is not None:
        target.execute(select(func.setval(sequence, highest)))
