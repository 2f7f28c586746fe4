"""Migrations of our own, apart from the host's: each package has a chain and a table that says how far it is.

Alembic is imported where tables are changed: a process that serves does without its 8 MB.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, Table, inspect, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase

from ..errors import Busy, TablesLack, UnknownVersion
from . import guards
from .busy import sqlstate
from .partitions import check_as_they_stand, check_partitions
from .types import Base

if TYPE_CHECKING:
    from alembic.config import Config

log = logging.getLogger(__name__)

#: Names our own migrations, so that two processes that start together take turns.
LOCK = 0x70726570616964  # "prepaid"

#: Whoever comes after a change of a table that waits for a long read waits, too: so long at most, in seconds.
LOCK_S = 2

#: How often a change is tried that finds its table in use, and how many seconds apart.
TRIES = 40
PAUSE_S = 3.0

#: PostgreSQL's word for a lock that was not to be had in time.
LOCK_NOT_AVAILABLE = "55P03"


@dataclass(frozen=True)
class Chain:
    """One package's migrations.

    :param folder: Where its ``env.py`` and ``versions/`` lie; each version's file begins with four digits.
    :param version_table: Where its database keeps the version that it is at.
    :param package: Its code's package, whose models on ``base`` say which tables that code needs.
    """

    folder: Path
    version_table: str
    package: str
    base: type[DeclarativeBase] = Base

    def settings(self, connection: Connection, partitions: int | None = None) -> Config:
        """Alembic's settings for a migration on this connection.

        :param partitions: In how many partitions new tables are made that may be parted.
        """
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(self.folder))
        config.attributes["context"] = {
            "connection": connection,
            "target_metadata": Base.metadata,  # names constraints as the models do
            "version_table": self.version_table,
            "partitions": partitions,
        }
        return config

    def version(self, connection: Connection) -> str | None:
        """The version that the database is at; ``None`` before the first.

        It may be a later one than this code knows, as while a new release is rolled in beside this one: then
        the tables have all that this code reads and writes.

        :raises UnknownVersion: It is none of this chain's, and this code can't work with the tables.
        """
        if not inspect(connection).has_table(self.version_table):
            return None
        version: str | None = connection.scalar(text(f"SELECT version_num FROM {self.version_table}"))
        if version is None or version in self.versions:
            return version
        is_later = len(version) == len(self.newest) and version.isdigit() and version > self.newest
        if not is_later or self._unfit(connection):
            raise UnknownVersion(self.version_table, version)
        return version

    def is_later(self, version: str | None) -> bool:
        """Whether a version that the database is at was made by a later release than this."""
        return version is not None and version > self.newest

    def is_behind(self, version: str | None) -> bool:
        """Whether tables at this version lack what this code wants."""
        return version is None or version < self.newest

    def _unfit(self, connection: Connection) -> bool:
        """Whether the tables lack a column of ours, or have one that we would have to fill."""
        ours = self._columns()
        present = inspect(connection).get_multi_columns(filter_names=list(ours))
        theirs = {name: columns for (_, name), columns in present.items()}
        for name, known in ours.items():
            columns = {column["name"]: column for column in theirs.get(name, ())}
            if not known <= columns.keys():
                return True
            for unknown in columns.keys() - known:
                if not columns[unknown]["nullable"] and columns[unknown]["default"] is None:
                    return True
        return False

    def lacking(self, connection: Connection) -> list[str]:
        """What the models have and their tables do not: ``prepaid_entry.item``, or a table that is not there.

        What was not released may change under its number: whoever made tables before has others.
        """
        ours = self._columns()
        present = inspect(connection).get_multi_columns(filter_names=list(ours))
        theirs = {name: {column["name"] for column in columns} for (_, name), columns in present.items()}
        return sorted(
            name if name not in theirs else f"{name}.{column}"
            for name, columns in ours.items()
            for column in (sorted(columns - theirs[name]) if name in theirs else [""])
        )

    def check(self, connection: Connection) -> None:
        """Refuse tables of this version, or a later one, that are not what the models want.

        :raises TablesLack: They lack a column or a table.
        """
        if lacking := self.lacking(connection):
            raise TablesLack(lacking)

    def _columns(self) -> dict[str, set[str]]:
        """The columns that this code reads and writes, by their table."""
        return {
            mapper.local_table.name: set(mapper.local_table.columns.keys())
            for mapper in self.base.registry.mappers
            if mapper.class_.__module__.partition(".")[0] == self.package
            and isinstance(mapper.local_table, Table)
        }

    @property
    def versions(self) -> list[str]:
        """Every version that this code knows, in order."""
        return sorted(path.name[:4] for path in self.folder.glob("versions/[0-9]*.py"))

    @property
    def newest(self) -> str:
        """The version that this code wants."""
        return self.versions[-1]


#: The ledger's own tables.
LEDGER = Chain(Path(__file__).parent / "migrations", "prepaid_ledger_alembic_version", "prepaid_ledger")


def upgrade(engine: Engine, *chains: Chain, partitions: int | None = None) -> None:
    """Bring the tables of ``chains`` up to date, in this order. Does nothing where they are.

    On PostgreSQL it waits for an advisory lock, on SQLite for the write lock; either
    way a second process finds the work done. A failure leaves all tables as they were.
    Tables of a later release that this code can work with are left as they are.

    :param partitions: New tables of the ledger are made in so many partitions by slot: 2, 4, ... 256.
        PostgreSQL only. By default each is in one piece; tables that stand stay as they are.
    :raises ValueError: ``partitions`` is no power of two from 2 to 256.
    :raises UnfitDatabase: Tables can't be parted here, or stand already, parted otherwise.
    :raises UnknownVersion: Tables are there that this code has not made and can't work with.
    :raises TablesLack: They are at the newest version, and are not what it makes.
    :raises Busy: A table was in use for minutes. Nothing was changed.
    """
    check_partitions(engine, partitions)
    patiently(lambda: _upgrade(engine, chains, partitions))


def patiently(change: Callable[[], None]) -> None:
    """Change tables; where one is in use, leave it alone and try again, so that nobody waits behind us.

    Each refusal is logged. For PostgreSQL: a long read keeps a change of its table waiting, and whoever comes
    after that waits as well.

    :param change: Rolls back as a whole where a lock is not to be had.
    :raises Busy: A table was in use each time. Nothing was changed.
    """
    for number in range(1, TRIES + 1):
        try:
            change()
            return
        except DBAPIError as error:
            if sqlstate(error) != LOCK_NOT_AVAILABLE:
                raise
        if number < TRIES:
            log.warning(
                "A table that is to be changed is in use by a long transaction, which goes first. "
                "Nothing was changed; try %d of %d follows in %g s.",
                number + 1,
                TRIES,
                PAUSE_S,
            )
            time.sleep(PAUSE_S)
    raise Busy(
        f"A table that is to be changed was in use each of {TRIES} times. Nothing was changed. Look for the "
        "long transaction, SELECT pid, xact_start, query FROM pg_stat_activity ORDER BY xact_start, and run "
        "this again when it has ended."
    )


def _upgrade(engine: Engine, chains: tuple[Chain, ...], partitions: int | None) -> None:
    from alembic import command

    with engine.begin() as connection:
        _take_turns(connection)
        versions = [chain.version(connection) for chain in chains]  # refuses before any of them is changed
        if any(version is not None for version in versions):
            check_as_they_stand(connection, partitions)
        for chain, version in zip(chains, versions, strict=True):
            if not chain.is_later(version):
                command.upgrade(chain.settings(connection, partitions), "head")
        if lacking := [name for chain in chains for name in chain.lacking(connection)]:
            raise TablesLack(lacking)
        if LEDGER in chains:
            guards.match_schema(connection)


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
        connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_S}s'"))
    else:
        # Python's driver begins no transaction before DDL: each statement would commit by itself.
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def include_name(name: str | None, type_: str, parent_names: object) -> bool:
    """Leave ``prepaid_*`` out of the migrations of your own tables.

    Pass it to both calls of Alembic's ``context.configure`` in ``env.py``, or to Flask-Migrate:
    ``Migrate(app, db, include_name=include_name)``.
    """
    return not (type_ == "table" and name is not None and name.startswith("prepaid_"))
