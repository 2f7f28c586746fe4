"""Alembic, run by ``flask db``: the app's own tables, in the app's own database."""

from __future__ import annotations

import click
from alembic import context
from flask import current_app

from flask_prepaid import PrepaidError
from rando_number.migrations.upgrade import SHOP, version

migrate = current_app.extensions["migrate"]


def run() -> None:
    try:
        at = version()
    except PrepaidError as unknown:
        raise click.ClickException(str(unknown)) from unknown
    if SHOP.is_later(at):
        click.echo(f"The shop's tables are at {at}, of a later release; this one works with them.", err=True)
        return
    with migrate.db.engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=migrate.db.metadata,
            **migrate.configure_args,
        )
        with context.begin_transaction():
            context.run_migrations()


run()
