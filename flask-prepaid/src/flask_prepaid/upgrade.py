"""The migrations of the ledger and of the extension, apart from the host's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from prepaid_ledger import database
from prepaid_ledger.database import LEDGER, Chain

#: The extension's own tables, some of which refer to the ledger's.
EXTENSION = Chain(Path(__file__).parent / "migrations", "prepaid_alembic_version")


def upgrade(engine: Engine) -> None:
    """Bring the ``prepaid_*`` tables up to date. Does nothing when they are.

    Two processes that start together take turns. A failure leaves the tables as they were.
    """
    database.upgrade(engine, LEDGER, EXTENSION)


def downgrade(engine: Engine) -> None:
    """Drop the ``prepaid_*`` tables with all that is in them."""
    database.downgrade(engine, EXTENSION, LEDGER)


def behind(engine: Engine) -> list[str]:
    """A line for each chain of tables that is not at the version this code wants."""
    titles = {"The ledger's tables": LEDGER, "The extension's tables": EXTENSION}
    return [
        f"{title} are at {version or 'nothing'}, not at {chain.newest}."
        for title, chain in titles.items()
        if (version := chain.version(engine)) != chain.newest
    ]


def include_name(name: str | None, type_: str, parent_names: Any) -> bool:
    """Leave ``prepaid_*`` out of the host's own migrations.

    Pass it to Flask-Migrate, ``Migrate(app, db, include_name=include_name)``, or to
    Alembic's ``context.configure``.
    """
    return not (type_ == "table" and name is not None and name.startswith("prepaid_"))
