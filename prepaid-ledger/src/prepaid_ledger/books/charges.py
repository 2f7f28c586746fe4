"""When credits were charged, and how many of them still are: what budgets count.

A spend is charged when it is made, a hold when it opens. What a hold does not capture, and what a
reversal gives back, is no longer charged at that time.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, Subquery, case, func, select, union_all
from sqlalchemy.orm import aliased

from ..tables import Entry, Hold, HoldState, Kind


def charges(wallet_id: int | None = None) -> Subquery:
    """All charges, by ``wallet_id``, ``spender``, ``at`` and ``credits``.

    :param wallet_id: Only those of one wallet.
    """
    parts = [spends(), reversed_spends(), holds(), reversed_captures()]
    if wallet_id is not None:
        parts = [part.where(part.selected_columns[0] == wallet_id) for part in parts]
    return union_all(*parts).subquery("charges")


def spends() -> Select[*tuple[Any, ...]]:
    return select(Entry.wallet_id, Entry.spender, Entry.at, (-Entry.credits).label("credits")).where(
        Entry.kind == Kind.SPEND, Entry.refers_to_seq.is_(None)
    )


def reversed_spends() -> Select[*tuple[Any, ...]]:
    reversal = aliased(Entry)
    return (
        select(reversal.wallet_id, Entry.spender, Entry.at, -reversal.credits)
        .join(Entry, (Entry.wallet_id == reversal.wallet_id) & (Entry.seq == reversal.refers_to_seq))
        .where(reversal.kind == Kind.REVERSAL, Entry.refers_to_seq.is_(None))
    )


def holds() -> Select[*tuple[Any, ...]]:
    charged = case((Hold.state == HoldState.OPEN, Hold.credits), else_=Hold.captured)
    return select(Hold.wallet_id, Hold.spender, Hold.at, charged)


def reversed_captures() -> Select[*tuple[Any, ...]]:
    reversal = aliased(Entry)
    return (
        select(reversal.wallet_id, Hold.spender, Hold.at, -reversal.credits)
        .join(Entry, (Entry.wallet_id == reversal.wallet_id) & (Entry.seq == reversal.refers_to_seq))
        .join(Hold, (Hold.wallet_id == Entry.wallet_id) & (Hold.seq == Entry.refers_to_seq))
        .where(reversal.kind == Kind.REVERSAL)
    )


def total(charged: Subquery) -> Any:
    """The sum of charges; 0 of none."""
    return func.coalesce(func.sum(charged.c.credits), 0)
