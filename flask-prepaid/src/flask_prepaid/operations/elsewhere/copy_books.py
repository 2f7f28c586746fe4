"""Carry the books to another database, SQLite to PostgreSQL or back: every row, then the proofs there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, MetaData, Table, create_engine, inspect, text
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.orm import Session

from prepaid_ledger import Ledger, Problem
from prepaid_ledger.database import Base, address_of, url_of

from ... import upgrade
from ...context import Context, reading
from ...errors import ConfigError
from .. import differences, reconcile
from .at_rest import foreign_keys_at_rest, named
from .places import are_one_database
from .rows import copy_rows


@dataclass(frozen=True)
class Copied:
    """How many rows of each table arrived, where, and what audit and reconcile say there."""

    rows: dict[str, int]
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
    So do the foreign keys of the host's tables, to which all rows are held in the end.

    :param url: SQLAlchemy's URL of the database to copy to.
    :param host_tables: The host's own tables, which are copied as well; they are there, and empty.
    :param partitions: The ledger's tables are made there in so many partitions.
    :param seen: Called for each row.
    :raises ConfigError: The URL names no database that will do, or not an empty one; or a row did not arrive,
        or refers to one that is not there.
    :raises ValueError: ``partitions`` is no power of two from 2 to 256.
    :raises UnfitDatabase: The database is another one than we work on, or its tables stand parted otherwise.
    :raises GatewayUnavailable: Stripe did not answer at the end. All is copied and audited.
    """
    if behind := upgrade.behind(context.engine):
        raise ConfigError(" ".join(behind))
    with reading(context):
        pass  # gives the session's connection back, so that nothing waits for ourselves
    target = _engine(url, like=context.engine)
    try:
        if are_one_database(target, context.engine):
            raise ConfigError("--to names the database that the app works with. Name another, empty one.")
        setup = context.ledger.setup
        ledger = Ledger(
            target, clock=setup.clock, debt_blocks=setup.debt_blocks, audit_rules=setup.audit_rules
        )
        upgrade.upgrade(target, partitions=partitions)
        theirs = _hosts(host_tables, context.engine, target) if host_tables is not None else []
        tables = [*theirs, *_tables()]
        with _still(context.engine, tables) as source, _written(target) as connection:
            with foreign_keys_at_rest(theirs, connection):
                rows = {table.fullname: copy_rows(table, source, connection, seen) for table in tables}
            _analyze(tables, connection)
        problems = ledger.audit()
        with Session(target) as session:
            drift = reconcile.reconcile(AppElsewhere(context, session, ledger))
        return Copied(rows, address_of(target.url), problems, drift)
    finally:
        target.dispose()


def _tables() -> list[Table]:
    """Our tables, each after those that it refers to."""
    return [table for table in Base.metadata.sorted_tables if table.name.startswith("prepaid_")]


def _hosts(metadata: MetaData, source: Engine, target: Engine) -> list[Table]:
    """The host's own tables, also those of another schema than ours.

    :raises ConfigError: One of them is not there, or is in a schema and one of the databases is SQLite.
    """
    theirs = [table for table in metadata.tables.values() if not table.name.startswith("prepaid_")]
    if "sqlite" in (source.dialect.name, target.dialect.name):
        for table in theirs:
            if table.schema is not None:
                raise ConfigError(
                    f"Your own table {table.fullname} is in a schema, and SQLite has none. Copy without "
                    "--all, and carry your own tables yourself."
                )
    there = inspect(target)
    if missing := [table for table in theirs if not there.has_table(table.name, schema=table.schema)]:
        raise ConfigError(
            f"Your own table {missing[0].fullname} is not there. Run your own migrations on that database "
            "first, as by flask db upgrade with its URL in FLASK_SQLALCHEMY_DATABASE_URI; or, without "
            'migrations: echo "from app import db; db.create_all()" | flask shell'
        )
    return theirs


def _engine(url: str, *, like: Engine) -> Engine:
    """An engine on the URL, which reads and writes JSON as the app's own does."""
    json = {name: getattr(like.dialect, f"_{name}") for name in ("json_serializer", "json_deserializer")}
    try:
        return create_engine(url_of(url), **json)
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
def _written(target: Engine) -> Iterator[Connection]:
    """One transaction there, for what is done to tables and triggers as well."""
    with target.begin() as connection:
        if target.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # Python's driver begins none before the first row
        yield connection


@contextmanager
def _still(engine: Engine, tables: list[Table]) -> Iterator[Connection]:
    """The source as it is at one moment; until the end nobody writes to it."""
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            names = ", ".join(named(table, connection) for table in tables)
            connection.execute(text(f"LOCK TABLE {names} IN SHARE MODE"))
        else:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield connection
        connection.rollback()


def _analyze(tables: list[Table], connection: Connection) -> None:
    """Tell PostgreSQL what it holds now. By itself it looks a minute later, at partitions as a whole never.

    Until then it plans the first spends as for empty tables, and reads all that a busy wallet has ever spent.
    """
    if connection.dialect.name == "postgresql":
        names = ", ".join(named(table, connection) for table in tables)
        connection.execute(text(f"ANALYZE {names}"))
