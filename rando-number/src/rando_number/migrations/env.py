"""Alembic, run by ``flask db``: the app's own tables, in the app's own database."""

from __future__ import annotations

from alembic import context
from flask import current_app

from rando_number.migrations.upgrade import version

migrate = current_app.extensions["migrate"]


def run() -> None:
    version()  # refuses tables that this code has not made
    with migrate.db.engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=migrate.db.metadata,
            **migrate.configure_args,
        )
        with context.begin_transaction():
            context.run_migrations()


run()
