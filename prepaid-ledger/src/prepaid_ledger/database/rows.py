"""Many rows of ours in one statement, by one parameter: as a table, and as stretches of many wallets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    JSON,
    Boolean,
    ColumnElement,
    FromClause,
    and_,
    cast,
    column,
    func,
    literal,
    select,
    tuple_,
    update,
)
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.types import TypeEngine

from .types import BigInt

#: One row: whole numbers, and yes or no, by their names.
Given = dict[str, int | bool]


def table_of(session: Session, rows: Sequence[Given], name: str = "given") -> FromClause:
    """``rows`` as a table of a statement, with the columns of the first.

    :param rows: At least one.
    """
    types: dict[str, TypeEngine[Any]] = {
        key: Boolean() if isinstance(value, bool) else BigInt for key, value in rows[0].items()
    }
    given = literal(list(rows), JSON())
    if session.get_bind().dialect.name == "postgresql":
        columns = [column(key, kind) for key, kind in types.items()]
        made = func.json_to_recordset(given).table_valued(*columns)
        return made.render_derived(name=name, with_types=True)
    each = func.json_each(given).table_valued(column("value", JSON()))
    values = (
        cast(func.json_extract(each.c.value, f"$.{key}"), kind).label(key) for key, kind in types.items()
    )
    return select(*values).subquery(name)


def with_keys(session: Session, model: type[Any], rows: Sequence[Mapping[str, Any]]) -> ColumnElement[bool]:
    """Whether a row of ``model`` has the primary key of one of these.

    :param rows: At least one.
    """
    names = [column.name for column in model.__table__.primary_key.columns]
    keys: list[Given] = [{name: row[name] for name in names} for row in rows]
    given = table_of(session, keys).c
    return tuple_(*(getattr(model, name) for name in names)).in_(select(*(given[name] for name in names)))


class Stretch(NamedTuple):
    """What has a ``seq`` after ``after``, up to and with ``upto``, in one wallet."""

    wallet_id: int
    slot: int
    after: int
    upto: int


class Stretches:
    """Stretches of some wallets, as conditions of a statement.

    :param stretches: At least one, and one a wallet.
    """

    def __init__(self, session: Session, stretches: Sequence[Stretch]) -> None:
        rows = [stretch._asdict() for stretch in stretches]
        self._ends: Any = stretches[0] if len(rows) == 1 else table_of(session, rows, "stretch").c

    def has(self, rows: Any) -> ColumnElement[bool]:
        """Whether the wallet of a row is one of them.

        :param rows: A class of rows, with their ``wallet_id`` and ``slot``.
        """
        its: ColumnElement[bool] = and_(rows.wallet_id == self._ends.wallet_id, rows.slot == self._ends.slot)
        return its

    def since(self, rows: Any, seq: Any) -> ColumnElement[bool]:
        """Whether a row of one of the wallets comes after the beginning of its stretch."""
        later: ColumnElement[bool] = seq > self._ends.after
        return self.has(rows) & later

    def within(self, rows: Any, seq: Any) -> ColumnElement[bool]:
        """Whether a row of one of the wallets lies on its stretch."""
        in_time: ColumnElement[bool] = seq <= self._ends.upto
        return self.since(rows, seq) & in_time


def move_marks(
    session: Session,
    key: tuple[InstrumentedAttribute[int], InstrumentedAttribute[int]],
    mark: InstrumentedAttribute[int],
    stretches: Sequence[Stretch],
) -> set[int]:
    """Move each wallet's mark from the beginning of its stretch to its end; the wallets where it was done.

    Others are left alone: somebody else has moved theirs, or writes their row at the moment. Nothing is
    waited for, so two who do this at once never wait for each other. The rows stay locked until the
    transaction ends.

    :param key: The columns that name a wallet, by number and slot, in a table that has a row for each.
    :param mark: A column of that table.
    """
    given = table_of(session, [stretch._asdict() for stretch in stretches], "stretch").c
    wallet_id, slot = key
    stands = (wallet_id == given.wallet_id) & (slot == given.slot) & (mark == given.after)
    table = wallet_id.class_
    moving = update(table).values({mark: given.upto}).where(stands).returning(wallet_id)
    if session.get_bind().dialect.name == "postgresql":
        free = select(wallet_id.label("free"), slot.label("slot")).where(stands).order_by(wallet_id)
        locked = free.with_for_update(key_share=True, of=table, skip_locked=True).cte("locked")
        moving = moving.where(wallet_id == locked.c.free, slot == locked.c.slot)
    return set(session.scalars(moving.execution_options(synchronize_session=False)))
