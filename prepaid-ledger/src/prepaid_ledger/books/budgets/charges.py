"""When credits were charged, and how many of them still are: what budgets count.

A spend is charged when it is made, a hold when it opens and as it grows; what it costs beyond that, and is
owed, when it is captured. What a hold does not capture, and what a reversal gives back, is no longer charged
at that time: the credits of a hold that were charged last go back first.

What lies in the archive is known by its sum alone, which counts for ever and in no window: windows that are
running, and may be asked for, begin long after it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, Select, Subquery, case, func, literal, literal_column, select, union_all
from sqlalchemy.orm import aliased

from ...tables import ArchiveMark, Entry, Hold, HoldExtension, HoldState, Kind, UsageMark, UsageSum

#: A reversal, and each of those of one capture.
REVERSAL, RETURNED = aliased(Entry), aliased(Entry)


def charges(which: Callable[[Any, Any], ColumnElement[bool]]) -> Subquery:
    """The charges of some wallets, by ``wallet_id``, ``slot``, ``spender``, ``at`` and ``credits``.

    :param which: Says of columns of wallets' numbers and slots whether they are among them.
    """
    parts = (spends(), reversed_spends(), holds(), extensions(), owed(), archived(), not_archived())
    theirs = (part.where(which(*part.selected_columns[:2])) for part in parts)
    return union_all(*theirs).subquery("charges")


def spends() -> Select[*tuple[Any, ...]]:
    return select(
        Entry.wallet_id, Entry.slot, Entry.spender, Entry.at, (-Entry.credits).label("credits")
    ).where(Entry.kind == Kind.SPEND, Entry.refers_to_seq.is_(None))


def reversed_spends() -> Select[*tuple[Any, ...]]:
    return (
        select(REVERSAL.wallet_id, REVERSAL.slot, Entry.spender, Entry.at, -REVERSAL.credits)
        .join(Entry, Entry.same_wallet_as(REVERSAL) & (Entry.seq == REVERSAL.refers_to_seq))
        .where(REVERSAL.kind == Kind.REVERSAL, Entry.refers_to_seq.is_(None))
    )


def holds() -> Select[*tuple[Any, ...]]:
    """What holds were charged as they opened."""
    return select(Hold.wallet_id, Hold.slot, Hold.spender, Hold.at, _kept(literal(0), Hold.opened_credits))


def extensions() -> Select[*tuple[Any, ...]]:
    """What holds were charged as they grew."""
    of_hold = Hold.same_wallet_as(HoldExtension) & (Hold.seq == HoldExtension.hold_seq)
    kept = _kept(HoldExtension.held_before, HoldExtension.credits)
    return select(Hold.wallet_id, Hold.slot, Hold.spender, HoldExtension.at, kept).join(
        HoldExtension, of_hold
    )


def owed() -> Select[*tuple[Any, ...]]:
    """What captures made a debt."""
    return select(Entry.wallet_id, Entry.slot, Entry.spender, Entry.at, Entry.debt).where(
        Entry.kind == Kind.SPEND, Entry.debt > literal_column("0")
    )


def archived() -> Select[*tuple[Any, ...]]:
    """What the sums of usage have of wallets that are archived in part, dated at the end of the archive."""
    spender = func.nullif(UsageSum.spender, "")
    return select(UsageSum.wallet_id, UsageSum.slot, spender, ArchiveMark.at, UsageSum.credits).join(
        ArchiveMark, ArchiveMark.same_wallet_as(UsageSum)
    )


def not_archived() -> Select[*tuple[Any, ...]]:
    """What of those sums is in the books still, and counted there: negative, at the same time."""
    counted = UsageMark.same_wallet_as(Entry) & (Entry.seq <= UsageMark.seq)
    return (
        select(Entry.wallet_id, Entry.slot, Entry.spender, ArchiveMark.at, Entry.credits)
        .join(ArchiveMark, ArchiveMark.same_wallet_as(Entry))
        .join(UsageMark, counted)
        .where(Entry.kind == Kind.SPEND)
    )


def _kept(before: Any, credits: Any) -> Any:
    """How many of the credits that a hold was charged, after ``before`` others, it still is."""
    net = case(
        (Hold.state == HoldState.OPEN, Hold.credits),
        (Hold.state == HoldState.CAPTURED, Hold.captured - returned()),
        else_=0,
    )
    return kept_of(net, before, credits)


def returned(*which: ColumnElement[bool]) -> Any:
    """What reversals gave back of what ``Hold`` captured.

    :param which: Conditions on ``RETURNED``, the reversals.
    """
    of_capture = RETURNED.refers_to_seq == Hold.closed_seq
    its = (RETURNED.same_wallet_as(Hold), of_capture, RETURNED.kind == Kind.REVERSAL)
    return select(func.coalesce(func.sum(RETURNED.credits), 0)).where(*its, *which).scalar_subquery()


def kept_of(net: Any, before: Any, credits: Any) -> Any:
    """How many of ``credits`` that were charged after ``before`` others still are, of ``net`` in all."""
    return case((net <= before, 0), (net - before >= credits, credits), else_=net - before)


def total(charged: Subquery) -> Any:
    """The sum of charges; 0 of none."""
    return func.coalesce(func.sum(charged.c.credits), 0)
