"""Conditions on the fields of objects, as SQL."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from stripe_emulator.core.database.schema import INDEXED
from stripe_emulator.core.types import Json


@dataclass(frozen=True)
class Among:
    """A condition: the field is one of what a query finds, or with ``inside=False`` none of it."""

    query: str
    inside: bool = True


@dataclass(frozen=True)
class Like:
    """A condition: the field fits a pattern, in which ``*`` is anything: ``customer.*``."""

    pattern: str


#: How a range is written in a form, and in SQL.
RANGE = {"eq": "=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


def conditions(where: Json) -> tuple[str, list[Any]]:
    """``where`` as SQL to append, with its values."""
    sql, values = "", []
    for path, wanted in where.items():
        column = path if path in INDEXED else f"json_extract(body, '$.{path}')"
        if isinstance(wanted, dict):
            for operator, bound in wanted.items():
                sql += f" AND {column} {RANGE[operator]} ?"
                values.append(bound)
        elif isinstance(wanted, list):
            sql += f" AND {column} IN (SELECT value FROM json_each(?))"  # one variable: SQLite takes so many
            values.append(json.dumps(wanted))
        elif isinstance(wanted, Among):
            sql += f" AND {column} {'IN' if wanted.inside else 'NOT IN'} ({wanted.query})"
        elif isinstance(wanted, Like):
            sql += f" AND {column} GLOB ?"
            values.append(wanted.pattern.replace("[", "[[]").replace("?", "[?]"))
        elif wanted is None:
            sql += f" AND {column} IS NULL"
        else:
            sql += f" AND {column} = ?"  # with IS in its place, no index would be used
            values.append(wanted)
    return sql, values
