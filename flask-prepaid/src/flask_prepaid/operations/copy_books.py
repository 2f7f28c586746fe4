"""Carry the books to another database, SQLite to PostgreSQL or back: every row, then the audit there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, Table, create_engine, func, insert, select, text
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from prepaid_ledger import Ledger, Problem
from prepaid_ledger.database import Base

from .. import upgrade
from ..context import Context, reading
from ..errors import ConfigError

#: Rows that are read and written at once.
AT_ONCE = 1_000


@dataclass(frozen=True)
class Copied:
    """How many rows of how many tables arrived, where, and what the audit there says."""

    rows: int
    tables: int
    where: str
    problems: list[Problem]


def copy(context: Context, url: str, *, seen: Callable[[], None] = lambda: None) -> Copied:
    """Copy all ``prepaid_*`` tables to an empty database, which is upgraded first. The source stays as it is.

    Nobody can write to the source meanwhile; it is all copied, or nothing. The host's own tables are not.

    :param url: SQLAlchemy's URL of the database to copy to.
    :param seen: Called for each row.
    :raises ConfigError: The URL names no database that will do, or not an empty one.
    :raises UnfitDatabase: The database is another one than we work on.
    """
    if behind := upgrade.behind(context.engine):
        raise ConfigError(" ".join(behind))
    with reading(context):
        pass  # gives the session's connection back, so that nothing waits for ourselves
    target = _engine(url, context.engine)
    try:
        setup = context.ledger.setup
        ledger = Ledger(
            target, clock=setup.clock, debt_blocks=setup.debt_blocks, audit_rules=setup.audit_rules
        )
        upgrade.upgrade(target)
        with _still(context.engine) as source, target.begin() as connection:
            rows = sum(_copy_table(table, source, connection, seen) for table in _tables())
        return Copied(rows, len(_tables()), target.url.render_as_string(), ledger.audit())
    finally:
        target.dispose()


def _tables() -> list[Table]:
    """Our tables, each after those that it refers to."""
    return [table for table in Base.metadata.sorted_tables if table.name.startswith("prepaid_")]


def _engine(url: str, source: Engine) -> Engine:
    try:
        target = create_engine(url)
    except (ArgumentError, NoSuchModuleError) as unknown:
        raise ConfigError(
            f"--to names no database: {unknown}. Write postgresql+psycopg://user:password@host/database, or "
            "sqlite:////path/to/file."
        ) from unknown
    except ModuleNotFoundError as missing:
        raise ConfigError(
            f"The driver {missing.name} is not installed. For PostgreSQL, write postgresql+psycopg://... and "
            'run: pip install "flask-prepaid[postgresql]"'
        ) from missing
    if target.url == source.url:
        raise ConfigError("--to names the database that the app works with. Name another, empty one.")
    return target


@contextmanager
def _still(engine: Engine) -> Iterator[Connection]:
    """The source as it is at one moment; until the end nobody writes to it."""
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            names = ", ".join(table.name for table in _tables())
            connection.execute(text(f"LOCK TABLE {names} IN SHARE MODE"))
        else:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield connection
        connection.rollback()


def _copy_table(table: Table, source: Connection, target: Connection, seen: Callable[[], None]) -> int:
    """Copy one table; how many rows it has.

    :raises ConfigError: It is not empty there.
    """
    if target.scalar(select(func.count()).select_from(table)):
        raise ConfigError(f"There are rows in {table.name} already. Copy to an empty database.")
    every = select(table).order_by(*table.primary_key.columns).execution_options(yield_per=AT_ONCE)
    count = 0
    for part in source.execute(every).mappings().partitions():
        target.execute(insert(table), [dict(row) for row in part])
        count += len(part)
        for _ in part:
            seen()
    _count_on(table, target)
    return count


def _count_on(table: Table, target: Connection) -> None:
    """Let PostgreSQL give out numbers after the highest that was copied; SQLite does so by itself."""
    column = table.autoincrement_column
    if column is None or target.dialect.name != "postgresql":
        return
    sequence = func.pg_get_serial_sequence(table.name, column.name)
    highest = target.scalar(select(func.max(column)))
    if highest is not None:
        target.execute(select(func.setval(sequence, highest)))
