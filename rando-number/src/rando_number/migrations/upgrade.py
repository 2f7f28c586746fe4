"""The shop's tables and the extension's: which version they are of, and how they are brought up to date."""

from __future__ import annotations

from pathlib import Path

import click
from flask import current_app

from flask_prepaid import Chain, PrepaidError, include_name, patiently

from ..columns import Base
from ..extensions import db, prepaid

#: The folder of these migrations.
MIGRATIONS = Path(__file__).parent

#: The shop's own tables.
SHOP = Chain(MIGRATIONS, "alembic_version", "rando_number", Base)


def begin_migrations() -> None:
    """Set up Flask-Migrate when a command needs it: with Alembic it takes 8 MB, which a worker saves."""
    from flask_migrate import Migrate

    Migrate(current_app, db, directory=str(MIGRATIONS), include_name=include_name)


def upgrade() -> None:
    """Bring all tables of the current app up to date. Those of a later release that fit are left alone.

    :raises ClickException: Tables are there that this code has not made and can't work with, or one is in use
        for minutes. They stay as they are.
    """
    try:
        if not SHOP.is_later(version()):
            begin_migrations()
            from flask_migrate import upgrade as upgrade_ours

            patiently(upgrade_ours)
        with db.engine.connect() as connection:
            SHOP.check(connection)
        prepaid.upgrade()
    except PrepaidError as error:
        raise click.ClickException(str(error)) from error


def behind() -> list[str]:
    """What the tables lack of this version, with the cure; empty when nothing."""
    try:
        with db.engine.connect() as connection:
            is_behind = SHOP.is_behind(SHOP.version(connection))
            if not is_behind:
                SHOP.check(connection)
    except PrepaidError as unfit:
        return [str(unfit)]
    ours = ["The database is not migrated. Run `flask db upgrade`."] if is_behind else []
    return ours + prepaid.behind()


def version() -> str | None:
    """The version that the shop's own tables are at; ``None`` before the first.

    :raises UnknownVersion: It is none of ours, and this code can't work with the tables.
    """
    with db.engine.connect() as connection:
        return SHOP.version(connection)
