"""Migrations of our own, apart from the host's: each package has a chain and a table that says how far it is.

Alembic is imported where tables are changed: a process that serves does without its 8 MB.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text

from ..errors import TablesLack, UnknownVersion
from .types import Base

if TYPE_CHECKING:
    from alembic.config import Config

#: Names our own migrations, so that two processes that start together take turns.
LOCK = 0x70726570616964  # "prepaid"


@dataclass(frozen=True)
class Chain:
    """One package's migrations.

    :param folder: Where its ``env.py`` and ``versions/`` lie; each version's file begins with four digits.
    :param version_table: Where its database keeps the version that it is at.
    """

    folder: Path
    version_table: str

    def settings(self, connection: Connection) -> Config:
        """Alembic's settings for a migration on this connection."""
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(self.folder))
        config.attributes["context"] = {
            "connection": connection,
            "target_metadata": Base.metadata,  # names constraints as the models do
            "version_table": self.version_table,
        }
        return config

    def version(self, connection: Connection) -> str | None:
        """The version that the database is at; ``None`` before the first.

        :raises UnknownVersion: It is none of this chain's.
        """
        if not inspect(connection).has_table(self.version_table):
            return None
        version: str | None = connection.scalar(text(f"SELECT version_num FROM {self.version_table}"))
        if version is not None and version not in self.versions:
            raise UnknownVersion(self.version_table, version)
        return version

    @property
    def versions(self) -> list[str]:
        """Every version that this code knows, in order."""
        return sorted(path.name[:4] for path in self.folder.glob("versions/[0-9]*.py"))

    @property
    def newest(self) -> str:
        """The version that this code wants."""
        return self.versions[-1]


#: The ledger's own tables.
LEDGER = Chain(Path(__file__).parent / "migrations", "prepaid_ledger_alembic_version")


def upgrade(engine: Engine, *chains: Chain) -> None:
    """Bring the tables of ``chains`` up to date, in this order. Does nothing where they are.

    On PostgreSQL it waits for an advisory lock, on SQLite for the write lock; either
    way a second process finds the work done. A failure leaves all tables as they were.

    :raises UnknownVersion: Tables are there that this code has not made.
    :raises TablesLack: They are at the newest version, and are not what it makes.
    """
    from alembic import command

    with engine.begin() as connection:
        _take_turns(connection)
        for chain in chains:
            chain.version(connection)  # refuses before the first of them is changed
        for chain in chains:
            command.upgrade(chain.settings(connection), "head")
        if columns := lacking(connection):
            raise TablesLack(columns)


def lacking(connection: Connection, *, whole: bool = False) -> list[str]:
    """The columns that the models have and their tables do not, such as ``prepaid_entry.item``.

    What was not released may change under its number: whoever made tables before has others.

    :param whole: Name tables that are not there, too: those of every chain should be.
    """
    models = {table.name: table for table in Base.metadata.sorted_tables if table.name.startswith("prepaid_")}
    kept = inspect(connection).get_multi_columns(filter_names=list(models))
    names = {table: {column["name"] for column in columns} for (_, table), columns in kept.items()}
    columns = [
        f"{name}.{column.name}"
        for name in sorted(names)
        for column in models[name].columns
        if column.name not in names[name]
    ]
    return columns + (sorted(models.keys() - names.keys()) if whole else [])


def downgrade(engine: Engine, *chains: Chain) -> None:
    """Drop the tables of ``chains``, in this order, with all that is in them."""
    from alembic import command

    with engine.begin() as connection:
        _take_turns(connection)
        for chain in chains:
            command.downgrade(chain.settings(connection), "base")


def _take_turns(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL lock_timeout = 0"))  # whatever the host lets statements wait
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    else:
        # Python's driver begins no transaction before DDL: each statement would commit by itself.
        connection.exec_driver_sql("BEGIN IMMEDIATE")
