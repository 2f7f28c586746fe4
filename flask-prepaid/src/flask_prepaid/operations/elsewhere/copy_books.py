"""Carry the books to another database, SQLite to PostgreSQL or back: every row, then the proofs there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import (
    Connection,
    Engine,
    MetaData,
    Table,
    create_engine,
    func,
    insert,
    inspect,
    select,
    text,
)
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.orm import Session

from prepaid_ledger import Ledger, Problem
from prepaid_ledger.database import Base, address_of

from ... import upgrade
from ...context import Context, reading
from ...errors import ConfigError
from .. import differences, reconcile
from .places import are_one_database

#: Rows that are read and written at once.
AT_ONCE = 1_000


@dataclass(frozen=True)
class Copied:
    """How many rows of how many tables arrived, where, and what audit and reconcile say there."""

    rows: int
    tables: int
    where: str
    problems: list[Problem]
    drift: list[differences.Drift]


class AppElsewhere:
    """The app on another database: its own settings, price list and door to Stripe, and the books there."""

    address = None

    def __init__(self, app: Context, session: Session, ledger: Ledger) -> None:
        self._app = app
        self.session = session
        self.ledger = ledger.on(session)
        self.engine = ledger.setup.engine
        self.clock = app.clock
        self.config = app.config
        self.gateway = app.gateway
        self.catalog = app.catalog
        self.outbox = app.outbox

    def email_of(self, owner: str) -> str | None:
        return self._app.email_of(owner)

    @property
    def reader_language(self) -> str | None:
        return None

    def language_of(self, owner: str | None) -> str | None:
        return self._app.language_of(owner)

    def is_blocked(self, owner: str) -> bool:
        return self._app.is_blocked(owner)

    def may_try(self, owner: str) -> bool:
        return self._app.may_try(owner)


def copy(
    context: Context,
    url: str,
    *,
    host_tables: MetaData | None = None,
    partitions: int | None = None,
    seen: Callable[[], None] = lambda: None,
) -> Copied:
    """Copy all ``prepaid_*`` tables to an empty database, which is upgraded first. The source stays as it is.

    Nobody can write to the source meanwhile; it is all copied, or nothing. Triggers there rest while rows
    come in: one that refuses new rows, such as those of a key that was revoked since, would refuse old ones.

    :param url: SQLAlchemy's URL of the database to copy to.
    :param host_tables: The host's own tables, which are copied as well; they are there, and empty.
    :param partitions: The ledger's tables are made there in so many partitions.
    :param seen: Called for each row.
    :raises ConfigError: The URL names no database that will do, or not an empty one.
    :raises ValueError: ``partitions`` is no power of two from 2 to 256.
    :raises UnfitDatabase: The database is another one than we work on, or its tables stand parted otherwise.
    :raises GatewayUnavailable: Stripe did not answer at the end. All is copied and audited.
    """
    if behind := upgrade.behind(context.engine):
        raise ConfigError(" ".join(behind))
    with reading(context):
        pass  # gives the session's connection back, so that nothing waits for ourselves
    target = _engine(url)
    try:
        if are_one_database(target, context.engine):
            raise ConfigError("--to names the database that the app works with. Name another, empty one.")
        setup = context.ledger.setup
        ledger = Ledger(
            target, clock=setup.clock, debt_blocks=setup.debt_blocks, audit_rules=setup.audit_rules
        )
        upgrade.upgrade(target, partitions=partitions)
        tables = [*(_hosts(host_tables, target) if host_tables is not None else ()), *_tables()]
        with _still(context.engine, tables) as source, target.begin() as connection:
            rows = sum(_copy_table(table, source, connection, seen) for table in tables)
            _analyze(tables, connection)
        problems = ledger.audit()
        with Session(target) as session:
            drift = reconcile.reconcile(AppElsewhere(context, session, ledger))
        return Copied(rows, len(tables), address_of(target.url), problems, drift)
    finally:
        target.dispose()


def _tables() -> list[Table]:
    """Our tables, each after those that it refers to."""
    return [table for table in Base.metadata.sorted_tables if table.name.startswith("prepaid_")]


def _hosts(metadata: MetaData, target: Engine) -> list[Table]:
    """The host's own tables, each after those that it refers to.

    :raises ConfigError: One of them is not there.
    """
    theirs = [table for table in metadata.sorted_tables if not table.name.startswith("prepaid_")]
    there = set(inspect(target).get_table_names())
    if missing := [table.name for table in theirs if table.name not in there]:
        raise ConfigError(
            f"Your own table {missing[0]} is not there. Run your own migrations on that database first, as "
            "by flask db upgrade with its URL."
        )
    return theirs


def _engine(url: str) -> Engine:
    try:
        return create_engine(url)
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


@contextmanager
def _still(engine: Engine, tables: list[Table]) -> Iterator[Connection]:
    """The source as it is at one moment; until the end nobody writes to it."""
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            names = ", ".join(_quoted(table.name, connection) for table in tables)
            connection.execute(text(f"LOCK TABLE {names} IN SHARE MODE"))
        else:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield connection
        connection.rollback()


def _quoted(name: str, connection: Connection) -> str:
    return connection.dialect.identifier_preparer.quote(name)


def _copy_table(table: Table, source: Connection, target: Connection, seen: Callable[[], None]) -> int:
    """Copy one table; how many rows it has.

    :raises ConfigError: It is not empty there.
    """
    if target.scalar(select(func.count()).select_from(table)):
        raise ConfigError(f"There are rows in {table.name} already. Copy to an empty database.")
    every = select(table).order_by(*table.primary_key.columns).execution_options(yield_per=AT_ONCE)
    count = 0
    with _triggers_at_rest(table, target), source.execute(every) as rows:
        for part in rows.mappings().partitions():
            target.execute(insert(table), [dict(row) for row in part])
            count += len(part)
            for _ in part:
                seen()
    _count_on(table, target)
    return count


def _analyze(tables: list[Table], connection: Connection) -> None:
    """Tell PostgreSQL what it holds now. By itself it looks a minute later, at partitions as a whole never.

    Until then it plans the first spends as for empty tables, and reads all that a busy wallet has ever spent.
    """
    if connection.dialect.name == "postgresql":
        names = ", ".join(_quoted(table.name, connection) for table in tables)
        connection.execute(text(f"ANALYZE {names}"))


@contextmanager
def _triggers_at_rest(table: Table, target: Connection) -> Iterator[None]:
    """Rows come in as they were: what a trigger would say of them today is not asked."""
    if target.dialect.name == "postgresql":
        name = _quoted(table.name, target)
        target.execute(text(f"ALTER TABLE {name} DISABLE TRIGGER USER"))
        yield
        target.execute(text(f"ALTER TABLE {name} ENABLE TRIGGER USER"))
        return
    kept = target.execute(
        text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :table"),
        {"table": table.name},
    ).all()
    for trigger in kept:
        target.execute(text(f"DROP TRIGGER {_quoted(trigger.name, target)}"))
    yield
    for trigger in kept:
        target.exec_driver_sql(trigger.sql)


def _count_on(table: Table, target: Connection) -> None:
    """Let PostgreSQL give out numbers after the highest that was copied; SQLite does so by itself."""
    column = next((column for column in table.columns if column.identity), table.autoincrement_column)
    if column is None or target.dialect.name != "postgresql":
        return
    sequence = func.pg_get_serial_sequence(_quoted(table.name, target), column.name)
    highest = target.scalar(select(func.max(column)))
    if highest is not None:
        target.execute(select(func.setval(sequence, highest)))
