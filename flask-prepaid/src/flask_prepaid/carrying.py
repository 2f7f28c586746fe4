"""A host's plain INSERT, run inside the statement that takes the credits: one round trip for both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import ARRAY, BindParameter, Insert, Table, bindparam, insert
from sqlalchemy.dialects import postgresql

from .spending import Ask

DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class Carried:
    """One INSERT with the same columns for all: a row for each spend that is taken, by its place ``n``."""

    table: Table
    names: tuple[str, ...]
    clause: str

    def parameters(self) -> list[BindParameter[object]]:
        return [
            bindparam(f"work_{i}", type_=ARRAY(self.table.c[name].type, dimensions=1))
            for i, name in enumerate(self.names)
        ]

    def values(self, asks: Sequence[Ask]) -> dict[str, list[object]]:
        """Each column as an array."""
        rows = [ask.values or {} for ask in asks]
        return {f"work_{i}": [row[name] for row in rows] for i, name in enumerate(self.names)}


def carried(asks: Sequence[Ask]) -> Carried | None:
    """The INSERT that all of them bring, or ``None`` if they differ, or it is more than a plain one."""
    first = asks[0]
    if first.work is None or first.values is None:
        return None
    names = first.values.keys()
    if any(
        ask.work is not first.work or ask.values is None or ask.values.keys() != names for ask in asks[1:]
    ):
        return None
    return _render(first.work, tuple(names))


@lru_cache(maxsize=64)
def _render(work: Insert, names: tuple[str, ...]) -> Carried | None:
    table = work.table
    if not isinstance(table, Table) or not is_plain(work, table) or not fills(table, names):
        return None
    write = DIALECT.identifier_preparer
    columns = ", ".join(write.quote(table.c[name].name) for name in names)
    arrays = ", ".join(f":work_{i}" for i in range(len(names)))
    places = ", ".join(f"brought_{i}" for i in range(len(names)))
    clause = f""", worked AS (
  INSERT INTO {write.format_table(table)} ({columns})
  SELECT {places} FROM taken JOIN unnest({arrays}) WITH ORDINALITY AS brought ({places}, n) USING (n)
)"""
    return Carried(table, names, clause)


def is_plain(work: Insert, table: Table) -> bool:
    """Whether it is ``insert(table)`` and no more: no values of its own, no ON CONFLICT, no RETURNING."""
    return str(work.compile(dialect=DIALECT)) == str(insert(table).compile(dialect=DIALECT))


def fills(table: Table, names: Sequence[str]) -> bool:
    """Whether nothing is left for SQLAlchemy to fill in, and no array would be taken apart."""
    return all(name in table.c and not isinstance(table.c[name].type, ARRAY) for name in names) and all(
        column.key in names or column.default is None for column in table.c
    )
