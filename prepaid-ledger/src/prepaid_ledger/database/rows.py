"""Rows of ours as a table of a statement: one parameter, however many they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import JSON, Boolean, FromClause, cast, column, func, literal, select
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

from .types import BigInt

#: One of them: whole numbers, and yes or no, by their names.
Given = dict[str, int | bool]


def table_of(session: Session, rows: Sequence[Given], name: str = "given") -> FromClause:
    """``rows`` as a table, with the columns of the first. A parameter a value would cost more than the rest.

    :param rows: At least one.
    """
    types: dict[str, TypeEngine[Any]] = {
        key: Boolean() if isinstance(value, bool) else BigInt for key, value in rows[0].items()
    }
    given = literal(list(rows), JSON())
    if session.get_bind().dialect.name == "postgresql":
        columns = [column(key, kind) for key, kind in types.items()]
        return func.json_to_recordset(given).table_valued(*columns, name=name).render_derived(with_types=True)
    each = func.json_each(given).table_valued(column("value", JSON()))
    values = (
        cast(func.json_extract(each.c.value, f"$.{key}"), kind).label(key) for key, kind in types.items()
    )
    return select(*values).subquery(name)
