"""Whether a caller's session is bound to the database that the ledger is in."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import URL, Connection, Engine, text
from sqlalchemy.orm import Session

from ..errors import UnfitDatabase
from .types import Base

#: Which server's run it is, and which of its databases: the same by every pooler and under every name.
WHICH_DATABASE = text(
    "SELECT pg_postmaster_start_time(), oid FROM pg_database WHERE datname = current_database()"
)


def refuse_other_database(engine: Engine, session: Session, table: type[Base]) -> None:
    """Refuse a session whose writes to ``table`` go to another database than the engine's.

    Addresses that differ may lead to one database, by a pooler or a link: both sides are asked then.

    :raises UnfitDatabase: It is bound to another one.
    """
    bound = session.get_bind(mapper=table).engine
    if bound is engine or (bound.url.database and _address(bound) == _address(engine)):
        return
    if bound.dialect.name == engine.dialect.name:
        with engine.connect() as connection:
            ledgers = _which(connection)
        if _which(session.connection(bind_arguments={"mapper": table})) == ledgers:
            return
    raise UnfitDatabase(
        f"This session is bound to {_address(bound)}, and the ledger to {_address(engine)}: what you write "
        "and what it writes would not be one transaction. Bind the session to the ledger's engine, or "
        "make another Ledger of the session's."
    )


def _address(engine: Engine) -> URL:
    """Where the database is, without who asks and how."""
    return engine.url.set(drivername=engine.dialect.name, username=None, password=None)


def _which(connection: Connection) -> object:
    """What tells a database from all others."""
    if connection.dialect.name == "sqlite":
        files = connection.execute(text("PRAGMA database_list")).all()
        return next(Path(file).resolve() for _number, name, file in files if name == "main")
    return tuple(connection.execute(WHICH_DATABASE).one())
