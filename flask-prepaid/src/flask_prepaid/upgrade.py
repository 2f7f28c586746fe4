"""The extension's own migrations, apart from the host's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, text

#: Names our own migrations, so that two processes that start together take turns.
LOCK = 0x70726570616964  # "prepaid"

VERSION_TABLE = "prepaid_alembic_version"


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the ``prepaid_*`` tables to ``revision``. Does nothing when they are there.

    On PostgreSQL it waits for an advisory lock, on SQLite for the write lock; either
    way a second process finds the work done. A failure leaves the tables as they were.
    """
    with engine.begin() as connection:
        take_turns(connection)
        command.upgrade(settings(connection), revision)


def downgrade(engine: Engine, revision: str) -> None:
    """Take the tables back to ``revision``; ``base`` drops them with all that is in them."""
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
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def include_name(name: str | None, type_: str, parent_names: Any) -> bool:
    """Leave ``prepaid_*`` out of the host's own migrations.

    Pass it to Flask-Migrate, ``Migrate(app, db, include_name=include_name)``, or to
    Alembic's ``context.configure``.
    """
    return not (type_ == "table" and name is not None and name.startswith("prepaid_"))
