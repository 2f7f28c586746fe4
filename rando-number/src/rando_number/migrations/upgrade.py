"""The shop's tables and the extension's: which version they are of, and how they are brought up to date."""

from __future__ import annotations

import click
from flask import current_app
from sqlalchemy import inspect, text

from flask_prepaid import PrepaidError, include_name

from ..models import MIGRATIONS, db, prepaid


def begin_migrations() -> None:
    """Set up Flask-Migrate when a command needs it: with Alembic it takes 8 MB, which a worker saves."""
    from flask_migrate import Migrate

    Migrate(current_app, db, directory=str(MIGRATIONS), include_name=include_name)


def upgrade() -> None:
    """Bring all tables of the current app up to date.

    :raises ClickException: Tables are there that this code has not made. They stay as they are.
    """
    begin_migrations()
    from flask_migrate import upgrade as upgrade_ours

    try:
        upgrade_ours()
        prepaid.upgrade()
    except PrepaidError as error:
        raise click.ClickException(str(error)) from error


def behind() -> list[str]:
    """Why the tables are not those of this version, with the cure; empty when they are."""
    try:
        is_newest = version() == _versions()[-1]
    except click.ClickException as unknown:
        return [unknown.message]
    ours = [] if is_newest else ["The database is not migrated. Run `flask db upgrade`."]
    return ours + prepaid.behind()


def version() -> str | None:
    """The version that the shop's own tables are at; ``None`` before the first.

    :raises ClickException: It is none of ours.
    """
    with db.engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        version: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    if version is None or version in _versions():
        return version
    raise click.ClickException(
        f"These tables were made before 0.1, or by a later version than this one (alembic_version is at "
        f"{version}): begin with a new database, or install the version that made them."
    )


def _versions() -> list[str]:
    return sorted(path.name[:4] for path in MIGRATIONS.glob("versions/[0-9]*.py"))
