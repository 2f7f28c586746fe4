"""The database and Flask-Prepaid, as all code of the app reaches them."""

from __future__ import annotations

from typing import cast

from flask import current_app
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.dialects import postgresql, sqlite
from werkzeug.local import LocalProxy

from flask_prepaid import Prepaid

from .columns import Base

#: Lends session and engine to everything; the models stand on ``Base``.
db = SQLAlchemy(metadata=Base.metadata)

#: The extension of the current app, which ``shop`` sets up.
prepaid = cast(Prepaid, LocalProxy(lambda: current_app.extensions["prepaid"]))


def release_connection() -> None:
    """End the session's transaction: what it has read would keep a connection and its snapshot."""
    if db.session.registry.has():
        db.session.rollback()


def insert_into(table: type[Base]) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that knows ON CONFLICT, in the database's own dialect."""
    on_sqlite = db.session.get_bind().dialect.name == "sqlite"
    return sqlite.insert(table) if on_sqlite else postgresql.insert(table)
