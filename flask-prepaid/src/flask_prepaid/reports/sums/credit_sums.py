"""The sums of credits by day, counted from the entries as they come, by ``tick`` and ``sync``.

Entries never change, so what is counted once stands. Many wallets are counted with each statement.
"""

from __future__ import annotations

import logging
import math
import secrets
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from time import monotonic
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, case, func, or_, select
from sqlalchemy.orm import Session, aliased

from prepaid_ledger.database import Stretch, Stretches, insert, move_marks
from prepaid_ledger.errors import PrepaidError
from prepaid_ledger.tables import Entry, Kind, Lot, Wallet

from ...context import Context, reading, transaction
from .. import deferred
from ..adding import add_to
from ..days import MINUTE, day_of
from ..models import DEFERRED, ROLL_OVER, Copying, Counted, CreditSum

log = logging.getLogger(__name__)

#: Wallets that are looked at together, entries of each, and of all, that are counted in one transaction.
WALLETS = 500
ENTRIES = 5_000
TOGETHER = 20_000

#: A wallet with more events than ``ENTRIES`` is drawn when it has rested so long: drawing holds its lock.
QUIET = timedelta(hours=1)

#: A line of the sums: day, kind, currency. And what it adds up.
Cell = tuple[date, str, str]
SUMS = ("entries", "credits", "debt", "worth_minor")


def count_wallets(context: Context, until_s: float) -> None:
    """Go once through the wallets, and count of each what stands in it by then. Commits.

    :param until_s: By ``monotonic``, when to leave the rest to the next time.
    """
    begun = context.clock()
    with reading(context) as session:
        last = session.scalar(select(func.max(Wallet.id))) or 0
    # Where time is short each pass begins somewhere else: those who move all the time keep nobody waiting.
    start = secrets.randbelow(last + 1) if until_s < math.inf else 0
    for after, upto in ((start, last), (0, start)):
        reached: int | None = after
        while reached is not None:
            reached = _count_next(context, reached, upto)
            if monotonic() > until_s:
                return
    with transaction(context) as session:
        _all_counted(session, begun, context.config.time_zone)


def _count_next(context: Context, after: int, upto: int) -> int | None:
    """Count the next wallets that moved, by their ids, and draw their lots; the last id, if any did."""
    quiet = context.clock() - QUIET
    waiting = Wallet.seq - Wallet.drawn_seq
    counts = or_(Wallet.drawn_seq > counted(), waiting <= ENTRIES, Wallet.moved_at < quiet)
    of_next = Wallet.id > after, Wallet.id <= upto
    with reading(context) as session:
        moved = session.execute(behind().where(counts, *of_next).order_by(Wallet.id).limit(WALLETS)).all()
    undrawn = [
        wallet.owner
        for wallet in moved
        if 0 < wallet.seq - wallet.drawn_seq <= ENTRIES
        or (wallet.drawn_seq < wallet.seq and wallet.moved_at < quiet)
    ]
    try:
        context.ledger.bring_up_to_date(*undrawn)
    except PrepaidError:
        raise
    except Exception:  # a wallet whose rows contradict each other is the audit's to name: the others count
        context.session.rollback()
        log.exception("A wallet cannot be drawn: what it moved last is not counted")
    left = {wallet.id: wallet.seq for wallet in moved}
    while left:
        with transaction(context) as session:
            stretches = _drawn_and_not_counted(session, left)
            ours = _count(session, stretches, context.config.time_zone) if stretches else set()
        if not stretches:
            break
        for stretch in stretches:
            if stretch.wallet_id not in ours or stretch.upto >= left[stretch.wallet_id]:
                del left[stretch.wallet_id]
    return moved[-1].id if moved else None


def _all_counted(session: Session, now: datetime, zone: str) -> None:
    """Say up to when the sums are whole, to the minute."""
    before = session.scalar(select(Copying.counted_to))
    if before is None or not now - MINUTE < before <= now:
        made = insert(session, Copying).values(id=1, zone=zone, counted_to=now)
        session.execute(made.on_conflict_do_update(index_elements=["id"], set_={"counted_to": now}))


def behind() -> Select[*tuple[Any, ...]]:
    """The wallets with entries that are not counted yet."""
    return (
        select(Wallet.id, Wallet.owner, Wallet.seq, Wallet.drawn_seq, Wallet.moved_at)
        .outerjoin(Counted, Counted.of(Wallet))
        .where(Wallet.seq > counted())
    )


def counted() -> ColumnElement[int]:
    return func.coalesce(Counted.seq, 0)


def _drawn_and_not_counted(session: Session, wallets: Mapping[int, int]) -> list[Stretch]:
    """The next entries that can be counted, of as many of these wallets as go together."""
    rows = session.execute(
        select(Wallet.id, Wallet.slot, counted(), Wallet.drawn_seq)
        .outerjoin(Counted, Counted.of(Wallet))
        .where(Wallet.id.in_(wallets), Wallet.drawn_seq > counted())
        .order_by(Wallet.id)
    )
    stretches, count = list[Stretch](), 0
    for wallet_id, slot, so_far, drawn in rows:
        if count < TOGETHER:
            stretches.append(Stretch(wallet_id, slot, so_far, min(drawn, so_far + ENTRIES)))
            count += stretches[-1].upto - so_far
    return stretches


def _count(session: Session, stretches: Sequence[Stretch], zone: str) -> set[int]:
    """Add these entries to the sums, unless another process counts their wallet; whose were added."""
    new = [
        {"wallet_id": stretch.wallet_id, "slot": stretch.slot, "seq": 0}
        for stretch in stretches
        if not stretch.after
    ]
    if new:
        session.execute(insert(session, Counted).on_conflict_do_nothing(), new)
    ours = move_marks(session, (Counted.wallet_id, Counted.slot), Counted.seq, stretches)
    mine = [stretch for stretch in stretches if stretch.wallet_id in ours]
    if mine:
        _add(session, _sums_of(session, mine, zone))
    return ours


def _sums_of(session: Session, stretches: Sequence[Stretch], zone: str) -> Mapping[Cell, Counter[str]]:
    """What these entries add up to. Their lots are drawn so far, or further."""
    sums: defaultdict[Cell, Counter[str]] = defaultdict(Counter)
    days: dict[tuple[int, int], date] = {}
    for entry in session.execute(_entries(Stretches(session, stretches))):
        day = days[entry.wallet_id, entry.seq] = day_of(entry.at, zone)
        kind = ROLL_OVER if entry.key.startswith(f"{ROLL_OVER}:") else entry.kind.value
        cell = sums[day, kind, entry.currency or entry.lot_currency or ""]
        cell["entries"] += 1
        cell["credits"] += entry.credits
        cell["debt"] += entry.debt
        cell["worth_minor"] += _worth(entry)
    for (day, currency), minor in deferred.moved(session, stretches, days).items():
        sums[day, DEFERRED, currency]["worth_minor"] += minor
    return sums


def _add(session: Session, sums: Mapping[Cell, Counter[str]]) -> None:
    rows = [
        {
            "day": day,
            "kind": kind,
            "currency": currency,
            **{name: sums[day, kind, currency][name] for name in SUMS},
        }
        for day, kind, currency in sorted(sums)
    ]
    add_to(session, CreditSum, rows)


def _entries(stretches: Stretches) -> Select[*tuple[Any, ...]]:
    """Entries with what was paid for the lot that an expiry or a clawback refers to.

    ``undoes`` is whether a clawback is one that gives again, which refers to the one that took.
    """
    origin, earlier = aliased(Entry), aliased(Entry)
    undoes = earlier.kind == Kind.CLAWBACK
    lot_seq = case((undoes, earlier.refers_to_seq), else_=Entry.refers_to_seq)
    is_its_lot = Lot.same_wallet_as(Entry) & (Lot.seq == lot_seq)
    takes_of = is_its_lot & Entry.kind.in_((Kind.EXPIRY, Kind.CLAWBACK))
    is_earlier = earlier.same_wallet_as(Entry) & (earlier.seq == Entry.refers_to_seq)
    return (
        select(
            Entry.wallet_id,
            Entry.seq,
            Entry.at,
            Entry.kind,
            Entry.key,
            Entry.credits,
            Entry.debt,
            deferred.net_minor().label("net_minor"),
            Entry.currency,
            undoes.label("undoes"),
            origin.credits.label("lot_credits"),
            deferred.net_minor(origin).label("lot_minor"),
            origin.currency.label("lot_currency"),
        )
        .outerjoin(earlier, is_earlier & (Entry.kind == Kind.CLAWBACK))
        .outerjoin(Lot, takes_of)
        .outerjoin(origin, origin.same_wallet_as(Lot) & (origin.seq == Lot.origin))
        .where(stretches.within(Entry, Entry.seq))
    )


def _worth(entry: Row[Any]) -> int:
    """What was paid for an entry's credits, or went back, without tax."""
    if entry.net_minor is not None:
        return int(-entry.net_minor if entry.undoes else entry.net_minor)
    if not entry.lot_minor:
        return 0
    return deferred.share(entry.debt - entry.credits, entry.lot_credits, entry.lot_minor)
