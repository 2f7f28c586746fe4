"""The host's database, and a standby of it."""

from __future__ import annotations

from typing import Any

from flask import Flask
from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from prepaid_ledger.database import url_of

from .. import checks
from ..errors import ConfigError


def engine_of(app: Flask, db: Any) -> Engine:
    """The engine that the host's database has for this app.

    :raises ConfigError: There is none, with what to do.
    """
    if db is None:
        raise ConfigError("Prepaid needs a database: Prepaid(app, db) or prepaid.init_app(app, db).")
    if not hasattr(db, "session") or (not hasattr(type(db), "engine") and not hasattr(db, "engine")):
        checks.refuse(
            "The database of Prepaid", db, "Give it Flask-SQLAlchemy's db: it has session and engine."
        )
    try:
        with app.app_context():
            engine: Engine = db.engine
    except NoSuchModuleError as unknown:
        raise ConfigError(
            f"The database's URL names no dialect that SQLAlchemy knows ({unknown}). Write "
            "postgresql+psycopg://user:password@host/database, or sqlite:///file."
        ) from unknown
    except ModuleNotFoundError as missing:
        raise ConfigError(
            f"The database's driver {missing.name} is not installed. Books are kept in PostgreSQL or SQLite; "
            'for PostgreSQL, write postgresql+psycopg://... and run: pip install "flask-prepaid[postgresql]"'
        ) from missing
    except ArgumentError as wrong:
        raise ConfigError(f"The database's URL cannot be read: {wrong}") from wrong
    except (RuntimeError, KeyError) as unready:
        raise ConfigError(
            "The database does not know this app yet. Call db.init_app(app), with SQLALCHEMY_DATABASE_URI "
            "set, before prepaid.init_app(app, db)."
        ) from unready
    return engine


def unreachable(error: SQLAlchemyError) -> ConfigError:
    """The refusal of a database that does not open."""
    return ConfigError(
        f"The database does not open: {getattr(error, 'orig', None) or error}. Does its folder exist, "
        "and may this process write there?"
    )


def standby(engine: Engine, url: str) -> Engine | None:
    """An engine on the standby of the app's database, with the app's driver; ``None`` without a standby.

    Connections are opened when it is read, and kept no longer.

    :raises ConfigError: The URL is none, or one of the two is no PostgreSQL.
    """
    if not url:
        return None
    cure = "Write the URL of a standby of the app's own database, such as postgresql://user@host/name."
    try:
        there = url_of(url)
    except ArgumentError as error:
        raise ConfigError(f"PREPAID_STANDBY is no URL of a database. {cure}") from error
    if there.get_backend_name() != "postgresql" or engine.dialect.name != "postgresql":
        kinds = f"of {there.get_backend_name()}, and the app's database is {engine.dialect.name}"
        raise ConfigError(f"PREPAID_STANDBY is {kinds}. PostgreSQL alone has standbys. {cure}")
    return create_engine(there.set(drivername=engine.url.drivername), poolclass=NullPool)
