"""What was clawed back of each lot: the share of the money that went back, and never more than came in.

One rule for all doors, refunds and disputes, a smaller plan and credits that a host names.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from heapq import merge
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, case, exists, or_, select
from sqlalchemy.orm import aliased

from ...books.lots.lot_store import lapsed
from ...books.reversals.adjustments import adjustments, gone_by_adjustment
from ...books.reversals.shares import Claim, Gone, share_of
from ...tables import Entry, Kind, Lot, Wallet
from ..scope.problem import Problem
from ..scope.scope import Moved, Which, kept_for_a_scope
from ..scope.snapshots import fetch

#: Columns of a row of what went unspent.
GONE = 4

LOTS = (Kind.PURCHASE, Kind.GRANT, Kind.ALLOWANCE)

#: A lot, a clawback of it, and what undid that.
LOT, CLAW, UNDONE = (aliased(Entry) for _ in range(3))


def clawed_shares(connection: Connection, which: Which) -> Iterator[Problem]:
    """Taken and debt made, less what was restored, is what the clawbacks that stand take by their rule.

    What lapses, and what goes or comes by hand, counts for clawbacks that come after it. So of a stretch
    the lots are looked at that were clawed back on it, or of which a clawback was undone: no other one's
    share can have become another there. Each is looked at as a whole, with all adjustments of its wallet.
    """
    if not isinstance(which, Moved):
        yield from _off(*(fetch(connection, rows) for rows in _rows(which)))
        return
    lots = defaultdict[Any, set[int]](set)
    for wallet_id, slot, lot_seq in fetch(connection, _clawed_since(which)):
        lots[wallet_id, slot].add(lot_seq)
    for (wallet_id, slot), seqs in lots.items():
        yield from _off(*(fetch(connection, rows) for rows in _rows_of(wallet_id, slot, seqs)))


def _off(clawed: Iterator[Any], lapses: Iterator[Any], by_hand: Iterator[Any]) -> Iterator[Problem]:
    streams = clawed, lapses, gone_by_adjustment(by_hand)
    rows = merge(*streams, key=lambda row: tuple(row[:3]))
    for _, group in groupby(rows, key=lambda row: tuple(row[:2])):
        of_lot = list(group)
        gone = [Gone(*row[2:]) for row in of_lot if len(row) == GONE]
        clawbacks = [row for row in of_lot if len(row) > GONE]
        if not clawbacks:
            continue  # operators took some of it, and nothing else did
        claims = [Claim(row.seq, row.minor, row.claimed) for row in clawbacks if row.back is None]
        lot = clawbacks[0]
        share = share_of(lot.credits, lot.paid_minor or 0, [*claims, *gone]).taken
        moved = sum(row.taken + (row.back or 0) for row in clawbacks)
        if not moved == share <= lot.credits:
            detail = f"{moved} of its {lot.credits} credits are taken or owed, not {min(share, lot.credits)}"
            yield Problem("I7", lot.owner, f"{lot.key!r}: {detail}, which is what its refunds take")


@kept_for_a_scope
def _rows(which: Which) -> list[Select[*tuple[Any, ...]]]:
    """Clawbacks, what lapsed and what operators took, of some wallets. Each row begins with its wallet."""
    return [
        _clawbacks().where(which.has(LOT.wallet_id, LOT.slot)),
        _lapsed(which.has(Lot.wallet_id, Lot.slot)),
        adjustments(which.has(Entry.wallet_id, Entry.slot)),
    ]


def _rows_of(wallet_id: int, slot: int, seqs: Collection[int]) -> list[Select[*tuple[Any, ...]]]:
    """The same of one wallet, and of some of its lots."""

    def its(row: Any) -> ColumnElement[bool]:
        of_wallet: ColumnElement[bool] = and_(row.wallet_id == wallet_id, row.slot == slot)
        return of_wallet

    return [
        _clawbacks().where(its(LOT), LOT.seq.in_(seqs)),
        _lapsed(its(Lot), Lot.origin.in_(seqs)),
        adjustments(its(Entry)),
    ]


def _clawed_since(which: Moved) -> Select[*tuple[Any, ...]]:
    """The lots that were clawed back, or restored."""
    target = aliased(Entry)
    restores = target.kind == Kind.CLAWBACK
    takes = target.kind.in_(LOTS) & (Entry.credits <= 0) & (Entry.debt >= 0)
    lot_seq = case((restores, target.refers_to_seq), else_=target.seq)
    clawed = (
        select(Entry.wallet_id, Entry.slot, lot_seq.label("lot_seq"))
        .join(target, target.same_wallet_as(Entry) & (target.seq == Entry.refers_to_seq))
        .where(Entry.kind == Kind.CLAWBACK, or_(restores, takes))
    )
    return which.since(clawed, Entry, Entry.seq)


def _clawbacks() -> Select[*tuple[Any, ...]]:
    """Each clawback of a lot, and what of it was given back; ``back`` is null where it stands."""
    of_lot = CLAW.same_wallet_as(LOT) & (CLAW.refers_to_seq == LOT.seq)
    of_claw = UNDONE.same_wallet_as(CLAW) & (UNDONE.refers_to_seq == CLAW.seq)
    return (
        select(
            LOT.wallet_id,
            LOT.seq.label("lot_seq"),
            CLAW.seq,
            Wallet.owner,
            LOT.key,
            LOT.credits,
            LOT.amount_minor.label("paid_minor"),
            CLAW.amount_minor.label("minor"),
            CLAW.claimed,
            (CLAW.debt - CLAW.credits).label("taken"),
            (UNDONE.debt - UNDONE.credits).label("back"),
        )
        .join(CLAW, of_lot)
        .outerjoin(UNDONE, of_claw & (UNDONE.kind == Kind.CLAWBACK))
        .join(Wallet, LOT.of(Wallet))
        .where(LOT.kind.in_(LOTS), CLAW.kind == Kind.CLAWBACK, CLAW.credits <= 0, CLAW.debt >= 0)
        .order_by(LOT.wallet_id, LOT.seq, CLAW.seq)
    )


def _lapsed(*which: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    """What lapsed of the lots that a clawback refers to.

    :param which: Conditions on ``Lot``.
    """
    of_lot = Entry.same_wallet_as(Lot) & (Entry.refers_to_seq == Lot.origin)
    clawed = exists().where(of_lot, Entry.kind == Kind.CLAWBACK, Entry.debt >= 0).correlate(Lot)
    gone = lapsed(clawed, *which).subquery()
    return select(gone).order_by(gone.c.wallet_id, gone.c.origin, gone.c.seq)
