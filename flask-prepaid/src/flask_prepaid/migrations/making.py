"""How the extension's migrations make a table: its types of columns, and indexes of some of its rows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

AT = sa.DateTime(timezone=True)
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def words(name: str, length: int, values: str) -> sa.Enum:
    """A column that holds one of a few words, checked by the database."""
    return sa.Enum(*values.split(), name=name, native_enum=False, create_constraint=True, length=length)


def partial_index(name: str, table: str, columns: list[str], *, only: str, unique: bool = False) -> None:
    """An index of the rows that ``only`` holds for."""
    where = sa.text(only)
    op.create_index(name, table, columns, unique=unique, postgresql_where=where, sqlite_where=where)
