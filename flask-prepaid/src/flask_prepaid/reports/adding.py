"""How what was counted is added to the sums of a table, whoever counted it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from prepaid_ledger.database import Base, insert


def add_to(session: Session, sums: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
    """Add rows to the sums of a table: what is no part of its primary key is added up.

    :param rows: Sorted by their key, so that two writers take the rows in one order. Each has every column.
    """
    if not rows:
        return
    table = sums.__table__
    new = insert(session, sums)
    added = {column.name: column + new.excluded[column.name] for column in table.c if not column.primary_key}
    key = [column for column in table.c if column.primary_key]
    session.execute(new.on_conflict_do_update(index_elements=key, set_=added), rows)
