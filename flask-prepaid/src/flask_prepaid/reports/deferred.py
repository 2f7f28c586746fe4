"""Deferred revenue: what customers have paid for and not used yet, and how each day moved it.

Every paid lot counts by what is left of it, set aside or not, at the price paid without its tax, which is the
state's and never revenue: to the smallest unit what ``credits.owed`` reads from the lots. What moved it
between two days is revenue, but for what was sold.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, func, select, union, union_all
from sqlalchemy.orm import Session, aliased

from prepaid_ledger.database import Stretch, Stretches, table_of
from prepaid_ledger.tables import Draw, Entry, Hold, HoldExtension, Kind, Lot, Wallet


def moved(
    session: Session, stretches: Sequence[Stretch], days: Mapping[tuple[int, int], date]
) -> Counter[tuple[date, str]]:
    """By how much the events on these stretches of wallets moved it, by day and currency.

    Walks back from the lots as they are now, drawn as far as the stretches go or further.

    :param days: On which day each of the events was, by wallet and ``seq``.
    """
    moves: Counter[tuple[date, str]] = Counter()
    lots = _lots(session, stretches)
    ends = {stretch.wallet_id: stretch for stretch in stretches}
    drawn = [ends[wallet_id]._replace(upto=lots[wallet_id][0].drawn_seq) for wallet_id in lots]
    used = _used(session, drawn) if drawn else {}
    for wallet_id, of_wallet in lots.items():
        _, _, after, upto = ends[wallet_id]
        by_seq = {lot.seq: lot for lot in of_wallet}
        left = {lot.seq: lot.left_over + lot.held for lot in of_wallet}
        for seq, lot_seq, credits in reversed(used.get(wallet_id, [])):
            if lot_seq in left:
                lot, before = by_seq[lot_seq], left[lot_seq] + credits
                if seq <= upto:
                    moves[days[wallet_id, seq], lot.currency] += worth(left[lot_seq], lot) - worth(
                        before, lot
                    )
                left[lot_seq] = before
        for lot in of_wallet:
            if after < lot.seq <= upto:
                moves[days[wallet_id, lot.seq], lot.currency] += worth(left[lot.seq], lot)
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
        .join(Lot, Lot.same_wallet_as(Entry) & (Lot.origin == Entry.seq))
        .where(Entry.amount_minor > 0)
        .group_by(Entry.currency)
    )


def net_minor(entry: Any = Entry) -> ColumnElement[int]:
    """What was paid, or went back, without its tax."""
    net: ColumnElement[int] = entry.amount_minor - func.coalesce(entry.tax_minor, 0)
    return net


def _lots(session: Session, stretches: Sequence[Stretch]) -> Mapping[int, list[Row[*tuple[Any, ...]]]]:
    """The paid lots of each wallet that came or were drawn on since, and up to which ``seq`` they are drawn.

    One statement, so that both are of one moment.
    """
    origin, span = aliased(Entry), Stretches(session, stretches)
    closed = span.since(Hold, Hold.closed_seq)
    # A hold that was captured whole gives nothing back: what it took stands where it was opened.
    opened = union(
        select(Hold.wallet_id, Hold.slot, Hold.seq).where(closed),
        select(HoldExtension.wallet_id, HoldExtension.slot, HoldExtension.seq)
        .join(Hold, extends())
        .where(closed),
    ).subquery()
    of_opened = Draw.same_wallet_as(opened.c) & (opened.c.seq == Draw.seq)
    keys = union(
        select(Lot.wallet_id, Lot.slot, Lot.seq).where(span.since(Lot, Lot.seq)),
        select(Draw.wallet_id, Draw.slot, Draw.lot_seq).where(span.since(Draw, Draw.seq)),
        select(Draw.wallet_id, Draw.slot, Draw.lot_seq).join(opened, of_opened),
        _drawn_before(session, stretches),
    ).subquery()
    rows = session.execute(
        select(
            Lot.wallet_id,
            Lot.seq,
            Lot.left_over,
            Lot.held,
            origin.credits,
            net_minor(origin).label("net_minor"),
            origin.currency,
            Wallet.drawn_seq,
        )
        .join(keys, Lot.same_wallet_as(keys.c) & (keys.c.seq == Lot.seq))
        .join(origin, origin.same_wallet_as(Lot) & (origin.seq == Lot.origin))
        .join(Wallet, Lot.of(Wallet))
        .where(origin.amount_minor > 0)
    )
    lots = defaultdict[int, list[Row[*tuple[Any, ...]]]](list)
    for row in rows:
        lots[row.wallet_id].append(row)
    return lots


def _drawn_before(session: Session, stretches: Sequence[Stretch]) -> Select[int, int, int | None]:
    """Wallet, slot, and the lot that was drawn on last before each stretch, if any was."""
    begun = table_of(session, [stretch._asdict() for stretch in stretches], "begun").c
    last = Draw.lot_upto(begun.after, Draw.same_wallet_as(begun))
    return select(begun.wallet_id, begun.slot, last.label("seq"))


def extends() -> ColumnElement[bool]:
    """Whether an extension is one of a hold."""
    return HoldExtension.same_wallet_as(Hold) & (HoldExtension.hold_seq == Hold.seq)


def _used(session: Session, drawn: Sequence[Stretch]) -> Mapping[int, list[tuple[int, int, int]]]:
    """What the events on these stretches took from which lots: ``seq``, lot, credits; by wallet, in order.

    What is set aside is not used; what is captured of it is, when the hold is closed.
    """
    span, upto = Stretches(session, drawn), {stretch.wallet_id: stretch.upto for stretch in drawn}
    ends = _ends_of_holds(session, span)
    closed = {key: seq for key, seq in ends.items() if seq and seq <= upto[key[0]]}
    still_open = ends.keys() - closed.keys()
    columns = select(Draw.wallet_id, Draw.seq, Draw.lot_seq, Draw.credits)
    draws = [*session.execute(columns.where(span.within(Draw, Draw.seq)))]
    with_rows = {(wallet_id, seq) for wallet_id, seq, _, _ in draws}
    draws += [row for row in session.execute(_spends(span)) if (row.wallet_id, row.seq) not in with_rows]
    begun = {stretch.wallet_id: stretch for stretch in drawn}
    before = [
        {"wallet_id": id, "slot": begun[id].slot, "seq": seq} for id, seq in closed if seq <= begun[id].after
    ]
    if before:
        opened = table_of(session, before, "opened").c
        draws += session.execute(columns.where(Draw.same_wallet_as(opened), Draw.seq == opened.seq))
    credits_of = Counter[tuple[int, int, int]]()
    for wallet_id, seq, lot_seq, credits in draws:
        if (wallet_id, seq) not in still_open:
            credits_of[wallet_id, closed.get((wallet_id, seq), seq), lot_seq] += credits
    used = defaultdict[int, list[tuple[int, int, int]]](list)
    for (wallet_id, seq, lot_seq), credits in sorted(credits_of.items()):
        if credits:
            used[wallet_id].append((seq, lot_seq, credits))
    return used


def _spends(span: Stretches) -> Select[int, int, int | None, int]:
    """Spends but for captures, each with the lot that it took from if it has no rows of its own."""
    lot_seq = Draw.lot_upto(Entry.seq, Draw.same_wallet_as(Entry))
    return select(Entry.wallet_id, Entry.seq, lot_seq, -Entry.credits).where(
        span.within(Entry, Entry.seq), Entry.kind == Kind.SPEND, Entry.refers_to_seq.is_(None)
    )


def _ends_of_holds(session: Session, span: Stretches) -> dict[tuple[int, int], int | None]:
    """With which ``seq`` each hold that began, grew or ended since was closed, and its extensions with it."""
    since = union(
        *(
            select(Hold.wallet_id, Hold.slot, Hold.seq).where(span.since(Hold, seq))
            for seq in (Hold.seq, Hold.closed_seq)
        ),
        select(HoldExtension.wallet_id, HoldExtension.slot, HoldExtension.hold_seq).where(
            span.since(HoldExtension, HoldExtension.seq)
        ),
    ).subquery()
    one_of = Hold.same_wallet_as(since.c) & (Hold.seq == since.c.seq)
    holds = select(Hold.wallet_id, Hold.seq, Hold.closed_seq).join(since, one_of)
    grown = select(Hold.wallet_id, HoldExtension.seq, Hold.closed_seq).join(since, one_of)
    rows = session.execute(union_all(holds, grown.join(HoldExtension, extends())))
    return {(wallet_id, seq): closed_seq for wallet_id, seq, closed_seq in rows}
