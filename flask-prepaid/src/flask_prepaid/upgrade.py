"""The extension's own migrations, apart from the host's.

Alembic is imported where tables are changed: a process that serves does without its 8 MB.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, inspect, text

if TYPE_CHECKING:
    from alembic.config import Config

#: Names our own migrations, so that two processes that start together take turns.
LOCK = 0x70726570616964  # "prepaid"

VERSION_TABLE = "prepaid_alembic_version"
MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the ``prepaid_*`` tables to ``revision``. Does nothing when they are there.

    On PostgreSQL it waits for an advisory lock, on SQLite for the write lock; either
    way a second process finds the work done. A failure leaves the tables as they were.
    """
    from alembic import command

    with engine.begin() as connection:
        take_turns(connection)
        command.upgrade(settings(connection), revision)


def downgrade(engine: Engine, revision: str) -> None:
    """Take the tables back to ``revision``; ``base`` drops them with all that is in them."""
    from alembic import command

    with engine.begin() as connection:
        take_turns(connection)
        command.downgrade(settings(connection), revision)


def take_turns(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    else:
        # Python's driver begins no transaction before DDL: each statement would commit by itself.
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def settings(connection: Connection) -> Config:
    """Alembic's settings for a migration on this connection."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def revisions(engine: Engine) -> tuple[str | None, str]:
    """Which revision the tables are at, and which one this version wants; each is a number of four digits."""
    with engine.connect() as connection:
        has_any = inspect(connection).has_table(VERSION_TABLE)
        have = connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}")) if has_any else None
    return have, max(path.name[:4] for path in MIGRATIONS.glob("versions/[0-9]*.py"))


def include_name(name: str | None, type_: str, parent_names: Any) -> bool:
    """Leave ``prepaid_*`` out of the host's own migrations.

    Pass it to Flask-Migrate, ``Migrate(app, db, include_name=include_name)``, or to
    Alembic's ``context.configure``.
    """
    return not (type_ == "table" and name is not None and name.startswith("prepaid_"))
