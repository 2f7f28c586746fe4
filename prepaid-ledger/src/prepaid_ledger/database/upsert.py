"""An INSERT that does nothing, or something else, where the row is there already."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session


def insert(where: Session | Engine, table: type[Any] | Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that knows ON CONFLICT, in the database's own dialect.

    Safer than a SAVEPOINT around an ordinary one: on SQLite, a SAVEPOINT that is a transaction's first write
    commits when it is released.

    :param where: The session or the engine that is to run it.
    :param table: A mapped class, or a table without one.
    """
    bind = where if isinstance(where, Engine) else where.get_bind()
    on_postgresql = bind.dialect.name == "postgresql"
    return postgresql.insert(table) if on_postgresql else sqlite.insert(table)
