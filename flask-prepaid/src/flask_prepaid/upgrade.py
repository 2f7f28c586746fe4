"""The migrations of the ledger and of the extension, apart from the host's."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine

from prepaid_ledger import database
from prepaid_ledger.database import LEDGER, Chain, patiently
from prepaid_ledger.errors import TablesLack, UnknownVersion

#: The extension's own tables, some of which refer to the ledger's.
EXTENSION = Chain(Path(__file__).parent / "migrations", "prepaid_alembic_version", "flask_prepaid")

CURE = "Run: flask prepaid upgrade."

TITLES = {"The ledger's tables": LEDGER, "The extension's tables": EXTENSION}

__all__ = ["Chain", "behind", "downgrade", "later", "patiently", "upgrade"]


def upgrade(engine: Engine, *, partitions: int | None = None) -> None:
    """Bring the ``prepaid_*`` tables up to date. Does nothing when they are.

    Two processes that start together take turns. A failure leaves the tables as they were. Tables of a later
    release that this one can work with stay as they are: ``later`` says so.

    :param partitions: New tables of the ledger are made in so many partitions by slot, on PostgreSQL.
    :raises ValueError: ``partitions`` is no power of two from 2 to 256.
    :raises UnfitDatabase: Tables can't be parted here, or stand already, parted otherwise.
    :raises UnknownVersion: Tables are there that this code has not made and can't work with.
    :raises TablesLack: They are at the newest version, and are not what it makes.
    :raises Busy: A table was in use for minutes. Nothing was changed.
    """
    database.upgrade(engine, LEDGER, EXTENSION, partitions=partitions)


def downgrade(engine: Engine) -> None:
    """Drop the ``prepaid_*`` tables with all that is in them."""
    database.downgrade(engine, EXTENSION, LEDGER)


def behind(engine: Engine) -> list[str]:
    """Why the tables are not those that this code wants, with the cure; empty when they are."""
    with engine.connect() as connection:
        try:
            versions = {title: chain.version(connection) for title, chain in TITLES.items()}
        except UnknownVersion as error:
            return [str(error)]
        if not any(versions.values()):
            return [f"The prepaid tables are not there yet. {CURE}"]
        lines = [
            f"{title} are {f'of version {version}' if version else 'not there yet'}, and version "
            f"{TITLES[title].newest} is needed. {CURE}"
            for title, version in versions.items()
            if TITLES[title].is_behind(version)
        ]
        lacking = [] if lines else [name for chain in TITLES.values() for name in chain.lacking(connection)]
    return [str(TablesLack(lacking))] if lacking else lines


def later(engine: Engine) -> list[str]:
    """A line for each chain of tables that a later release has made, which this one can work with.

    :raises UnknownVersion: It can't.
    """
    with engine.connect() as connection:
        versions = {title: chain.version(connection) for title, chain in TITLES.items()}
    return [
        f"{title} are at {versions[title]}, of a later release; this one, which made {chain.newest}, works "
        "with them."
        for title, chain in TITLES.items()
        if chain.is_later(versions[title])
    ]
