"""Deferred revenue: what customers have paid for and not used yet, and how each day moved it.

Every paid lot counts by what is left of it, set aside or not, at the price paid without its tax, which is the
state's and never revenue: to the smallest unit what ``credits.owed`` reads from the lots. What moved it
between two days is revenue, but for what was sold.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session, aliased

from prepaid_ledger.slots import WalletKey
from prepaid_ledger.tables import Draw, Entry, Hold, HoldExtension, Lot, Wallet


def moved(
    session: Session, wallet: WalletKey, after: int, upto: int, days: Mapping[int, date]
) -> Counter[tuple[date, str]]:
    """By how much the events of a wallet with a ``seq`` in (after, upto] moved it, by day and currency.

    Walks back from the lots as they are now, drawn up to ``upto`` or further.

    :param days: On which day each of the events was.
    """
    moves: Counter[tuple[date, str]] = Counter()
    lots, drawn = _lots(session, wallet, after)
    left = {seq: lot.left_over + lot.held for seq, lot in lots.items()}
    used = _used(session, wallet, after, drawn) if lots else []
    for seq, lot_seq, credits in reversed(used):
        if lot_seq in lots:
            before = left[lot_seq] + credits
            if seq <= upto:
                lot = lots[lot_seq]
                moves[days[seq], lot.currency] += worth(left[lot_seq], lot) - worth(before, lot)
            left[lot_seq] = before
    for seq, lot in lots.items():
        if after < seq <= upto:
            moves[days[seq], lot.currency] += worth(left[seq], lot)
    return moves


def worth(credits: int, lot: Any) -> int:
    """What so many credits of a lot cost without tax, to the nearest of the smallest unit, half up."""
    return share(credits, lot.credits, lot.net_minor)


def share(credits: int, of_credits: int, amount_minor: int) -> int:
    """What ``credits`` of a lot cost, to the nearest of the smallest unit, half up."""
    return (2 * credits * amount_minor + of_credits) // (2 * of_credits)


def in_lots() -> Select[str | None, int]:
    """What is paid for and not used yet, per currency, by the lots; each is rounded as by ``share``."""
    rest = 2 * (Lot.left_over + Lot.held) * net_minor() + Entry.credits
    return (
        select(Entry.currency, func.sum(rest // (2 * Entry.credits)))
        .join(Lot, Lot.beside(Entry) & (Lot.origin == Entry.seq))
        .where(Entry.amount_minor > 0)
        .group_by(Entry.currency)
    )


def net_minor(entry: Any = Entry) -> ColumnElement[int]:
    """What was paid, or went back, without its tax."""
    net: ColumnElement[int] = entry.amount_minor - func.coalesce(entry.tax_minor, 0)
    return net


def _lots(session: Session, wallet: WalletKey, after: int) -> tuple[dict[int, Any], int]:
    """The paid lots that came or were drawn on since ``after``, and up to which ``seq`` they are drawn.

    One statement, so that both are of one moment.
    """
    origin = aliased(Entry)
    # A hold that was captured whole gives nothing back: what it took stands where it was opened.
    closed = select(Hold.seq).where(Hold.of(wallet), Hold.closed_seq > after)
    grown = select(HoldExtension.seq).where(HoldExtension.of(wallet), HoldExtension.hold_seq.in_(closed))
    since = select(Draw.lot_seq).where(
        Draw.of(wallet), or_(Draw.seq > after, Draw.seq.in_(closed), Draw.seq.in_(grown))
    )
    rows = session.execute(
        select(
            Lot.seq,
            Lot.left_over,
            Lot.held,
            origin.credits,
            net_minor(origin).label("net_minor"),
            origin.currency,
            Wallet.drawn_seq,
        )
        .join(origin, origin.beside(Lot) & (origin.seq == Lot.origin))
        .join(Wallet, Lot.of(Wallet))
        .where(Lot.of(wallet), origin.amount_minor > 0, or_(Lot.seq > after, Lot.seq.in_(since)))
    ).all()
    return {row.seq: row for row in rows}, max((row.drawn_seq for row in rows), default=after)


def _used(session: Session, wallet: WalletKey, after: int, drawn: int) -> list[tuple[int, int, int]]:
    """What events in (after, drawn] took from which lots: ``seq``, lot, credits; in order.

    What is set aside is not used; what is captured of it is, when the hold is closed.
    """
    holds = session.execute(
        select(Hold.seq, Hold.closed_seq).where(
            Hold.of(wallet), or_(Hold.seq > after, Hold.closed_seq > after)
        )
    ).all()
    ends = {hold.seq: hold.closed_seq for hold in holds}
    grown = session.execute(
        select(HoldExtension.seq, HoldExtension.hold_seq).where(
            HoldExtension.of(wallet), HoldExtension.hold_seq.in_(ends)
        )
    ).all()
    ends |= {extension.seq: ends[extension.hold_seq] for extension in grown}
    closed = {seq: closed_seq for seq, closed_seq in ends.items() if closed_seq and closed_seq <= drawn}
    still_open = ends.keys() - closed.keys()
    draws = session.execute(
        select(Draw.seq, Draw.lot_seq, Draw.credits).where(
            Draw.of(wallet),
            Draw.seq <= drawn,
            or_(Draw.seq > after, Draw.seq.in_(closed)),
        )
    ).all()
    used: defaultdict[tuple[int, int], int] = defaultdict(int)
    for seq, lot_seq, credits in draws:
        if seq not in still_open:
            used[closed.get(seq, seq), lot_seq] += credits
    return [(seq, lot_seq, credits) for (seq, lot_seq), credits in sorted(used.items()) if credits]
