"""The migrations of the ledger and of the extension, apart from the host's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from prepaid_ledger import database
from prepaid_ledger.database import LEDGER, Chain
from prepaid_ledger.errors import TablesLack, UnknownVersion

#: The extension's own tables, some of which refer to the ledger's.
EXTENSION = Chain(Path(__file__).parent / "migrations", "prepaid_alembic_version")


def upgrade(engine: Engine) -> None:
    """Bring the ``prepaid_*`` tables up to date. Does nothing when they are.

    Two processes that start together take turns. A failure leaves the tables as they were.

    :raises UnknownVersion: Tables are there that this code has not made. They stay as they are.
    :raises TablesLack: They are at the newest version, and are not what it makes.
    """
    database.upgrade(engine, LEDGER, EXTENSION)
    with engine.connect() as connection:
        if lacking := database.lacking(connection, whole=True):
            raise TablesLack(lacking)


def downgrade(engine: Engine) -> None:
    """Drop the ``prepaid_*`` tables with all that is in them."""
    database.downgrade(engine, EXTENSION, LEDGER)


def behind(engine: Engine) -> list[str]:
    """Why the tables are not those that this code wants, with the cure; empty when they are."""
    titles = {"The ledger's tables": LEDGER, "The extension's tables": EXTENSION}
    with engine.connect() as connection:
        try:
            versions = {title: chain.version(connection) for title, chain in titles.items()}
        except UnknownVersion as error:
            return [str(error)]
        late = [title for title, chain in titles.items() if versions[title] != chain.newest]
        lacking = [] if late else database.lacking(connection, whole=True)
    if lacking:
        return [str(TablesLack(lacking))]
    return [
        f"{title} are at {versions[title] or 'nothing'}, not at {titles[title].newest}. "
        "Run: flask prepaid upgrade"
        for title in late
    ]


def include_name(name: str | None, type_: str, parent_names: Any) -> bool:
    """Leave ``prepaid_*`` out of the host's own migrations.

    Pass it to Flask-Migrate, ``Migrate(app, db, include_name=include_name)``, or to
    Alembic's ``context.configure``.
    """
    return not (type_ == "table" and name is not None and name.startswith("prepaid_"))
