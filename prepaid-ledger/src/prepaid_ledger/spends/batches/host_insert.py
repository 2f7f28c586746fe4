"""A host's bare INSERT, run inside the statement that takes the credits: one round trip for both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from sqlalchemy import Insert, Table, insert
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import (
    JSON,
    Boolean,
    Date,
    DateTime,
    Enum,
    Integer,
    Numeric,
    String,
    TypeDecorator,
    Uuid,
)
from sqlalchemy.types import TypeEngine as Type

from ..single import SpendRequest

DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]

#: What has one text that PostgreSQL reads back as it was.
TYPES = (String, Integer, Numeric, Boolean, Date, DateTime, Uuid, JSON)


@dataclass(frozen=True)
class BatchInsert:
    """One INSERT with the same columns for all: a host row for each spend that is taken.

    Two are equal if their SQL is. ``NO_ROWS`` is that of spends which bring none.

    :param columns: The name of each in the record, the key of its value, and what its type makes of it.
    :param record: The same as columns of ``json_to_recordset``.
    :param clause: The INSERT, from those and from ``taken``.
    """

    columns: tuple[tuple[str, str, Callable[[Any], object] | None], ...] = field(compare=False)
    record: str
    clause: str

    def row(self, request: SpendRequest) -> dict[str, object]:
        """What one spend brings, by column of the record."""
        values = request.values or {}
        return {
            place: values[name] if write is None else write(values[name])
            for place, name, write in self.columns
        }


NO_ROWS = BatchInsert(columns=(), record="", clause="")


def batch_insert(requests: Sequence[SpendRequest]) -> BatchInsert | None:
    """What they all bring, to be put inside the statement that takes the credits.

    ``None`` if that can't be: they differ, or their INSERT is more than a bare one.
    """
    first = requests[0]
    if any(request.work is not first.work for request in requests[1:]):
        return None
    if first.work is None:
        return NO_ROWS
    if first.values is None:
        return None
    names = first.values.keys()
    if any(request.values is None or request.values.keys() != names for request in requests[1:]):
        return None
    return _render(first.work, tuple(names))


@lru_cache(maxsize=64)
def _render(work: Insert, names: tuple[str, ...]) -> BatchInsert | None:
    table = work.table
    if not isinstance(table, Table) or not is_bare_insert(work, table) or not fills(table, names):
        return None
    quoted = DIALECT.identifier_preparer
    types = [table.c[name].type for name in names]
    columns = ", ".join(quoted.quote(table.c[name].name) for name in names)
    places = ", ".join(f"w{i}{cast(type_)}" for i, type_ in enumerate(types))
    return BatchInsert(
        columns=tuple(
            (f"w{i}", name, type_.bind_processor(DIALECT))
            for i, (name, type_) in enumerate(zip(names, types, strict=True))
        ),
        record="".join(f", w{i} {text_of(type_)}" for i, type_ in enumerate(types)),
        clause=f""", host_rows AS (
  INSERT INTO {quoted.format_table(table)} ({columns})
  SELECT {places} FROM taken JOIN requested USING (n)
)""".replace("%", "%%"),
    )


def is_bare_insert(work: Insert, table: Table) -> bool:
    """Whether it is ``insert(table)`` and no more: no values of its own, no ON CONFLICT, no RETURNING."""
    return str(work.compile(dialect=DIALECT)) == str(insert(table).compile(dialect=DIALECT))


def fills(table: Table, names: Sequence[str]) -> bool:
    """Whether nothing is left for SQLAlchemy to fill in, and each value can be written as text."""
    return all(
        name in table.c and isinstance(base_type(table.c[name].type), TYPES) for name in names
    ) and all(column.key in names or column.default is None for column in table.c)


def base_type(type_: Type[Any]) -> Type[Any]:
    """The type below a host's own."""
    while isinstance(type_, TypeDecorator):
        type_ = type_.impl_instance
    return type_


def text_of(type_: Type[Any]) -> str:
    """How the record has it. A length is left to the INSERT, which refuses where a cast cuts."""
    base = base_type(type_)
    if isinstance(base, JSON) or (isinstance(base, String) and not isinstance(base, Enum)):
        return "text"
    return base.compile(DIALECT)


def cast(type_: Type[Any]) -> str:
    """SQLAlchemy writes JSON as a text."""
    base = base_type(type_)
    return f"::{base.compile(DIALECT)}" if isinstance(base, JSON) else ""
