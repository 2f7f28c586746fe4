"""What was clawed back of each lot: the share of the money that went back, and never more than came in.

One rule for all doors, refunds and disputes, a smaller plan and credits that a host names.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from heapq import merge
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Select, exists, select
from sqlalchemy.orm import aliased

from ...books.lots.lot_store import lapsed
from ...books.reversals.adjustments import adjustments, gone_by_adjustment
from ...books.reversals.shares import Claim, Gone, share_of
from ...tables import Entry, Kind, Lot, Wallet
from ..scope.problem import Problem
from ..scope.scope import Which, kept_for_a_scope
from ..scope.snapshots import fetch

#: Columns of a row of what went unspent.
GONE = 4

LOTS = (Kind.PURCHASE, Kind.GRANT, Kind.ALLOWANCE)


def clawed_shares(connection: Connection, which: Which) -> Iterator[Problem]:
    """Taken and debt made, less what was restored, is what the clawbacks that stand take by their rule."""
    clawed, lapses, by_hand = (fetch(connection, rows) for rows in _rows(which))
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
    of_all = (_clawbacks(), _lapsed(), adjustments())
    return [rows.where(which.has(rows.selected_columns[0])) for rows in of_all]


@cache
def _clawbacks() -> Select[*tuple[Any, ...]]:
    """Each clawback of a lot, and what of it was given back; ``back`` is null where it stands."""
    lot, claw, undone = (aliased(Entry) for _ in range(3))
    of_lot = claw.same_wallet_as(lot) & (claw.refers_to_seq == lot.seq)
    of_claw = undone.same_wallet_as(claw) & (undone.refers_to_seq == claw.seq)
    return (
        select(
            lot.wallet_id,
            lot.seq.label("lot_seq"),
            claw.seq,
            Wallet.owner,
            lot.key,
            lot.credits,
            lot.amount_minor.label("paid_minor"),
            claw.amount_minor.label("minor"),
            claw.claimed,
            (claw.debt - claw.credits).label("taken"),
            (undone.debt - undone.credits).label("back"),
        )
        .join(claw, of_lot)
        .outerjoin(undone, of_claw & (undone.kind == Kind.CLAWBACK))
        .join(Wallet, lot.of(Wallet))
        .where(lot.kind.in_(LOTS), claw.kind == Kind.CLAWBACK, claw.credits <= 0, claw.debt >= 0)
        .order_by(lot.wallet_id, lot.seq, claw.seq)
    )


@cache
def _lapsed() -> Select[*tuple[Any, ...]]:
    """What lapsed of the lots that a clawback refers to."""
    of_lot = Entry.same_wallet_as(Lot) & (Entry.refers_to_seq == Lot.origin)
    clawed = exists().where(of_lot, Entry.kind == Kind.CLAWBACK, Entry.debt >= 0).correlate(Lot)
    gone = lapsed(clawed).subquery()
    return select(gone).order_by(gone.c.wallet_id, gone.c.origin, gone.c.seq)
