"""An INSERT that does nothing, or something else, where the row is there already."""

from __future__ import annotations

from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session


def insert(session: Session, table: type[Any]) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that knows ON CONFLICT, in the database's own dialect.

    Safer than a SAVEPOINT around an ordinary one: on SQLite, a SAVEPOINT that is a transaction's first write
    commits when it is released.

    :param table: A mapped class.
    """
    on_postgresql = session.get_bind().dialect.name == "postgresql"
    return postgresql.insert(table) if on_postgresql else sqlite.insert(table)
