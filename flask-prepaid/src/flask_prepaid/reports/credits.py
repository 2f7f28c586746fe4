"""Credits: sold, given, spent, expired and clawed back by day, and what is still owed for them.

The sums are counted from the entries as they come, by ``tick`` and ``sync``; entries never change, so
what is counted once stands. What is owed is read from the lots.
"""

from __future__ import annotations

import math
import secrets
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime, timedelta
from time import monotonic
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, case, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from prepaid_ledger.database import insert
from prepaid_ledger.tables import Entry, Kind, Lot, Wallet

from ..context import Context, reading, transaction
from . import deferred, failures, plan_revenue
from .days import MINUTE, day_of, first_day
from .models import DEFERRED, ROLL_OVER, Copying, Counted, CreditSum
from .selection import EVERYTHING, Selection

#: Wallets that are counted in one transaction, and entries of each.
WALLETS = 200
ENTRIES = 5_000

#: A wallet with more events than ``ENTRIES`` is drawn when it has rested so long: drawing holds its lock.
QUIET = timedelta(hours=1)

#: Which column of a line an entry belongs to, by its kind, and its sign.
COLUMNS: dict[str, tuple[str, int]] = {
    Kind.PURCHASE: ("sold", 1),
    Kind.ALLOWANCE: ("sold", 1),
    Kind.GRANT: ("given", 1),
    Kind.SPEND: ("spent", -1),
    Kind.REVERSAL: ("spent", -1),
    Kind.EXPIRY: ("expired", -1),
    Kind.CLAWBACK: ("clawed_back", -1),
    Kind.ADJUSTMENT: ("adjusted", 1),
    ROLL_OVER: ("expired", -1),
}


#: What ``worth`` tells, in order.
WORTH = ("opening", "sold", "earned", "clawed_back", "breakage", "closing")


@dataclass
class Credits:
    """What came and went, in whole credits, positive amounts; only ``adjusted`` has a sign.

    ``spent`` is less what was given back, ``clawed_back`` less what was restored, and with what paid a debt.
    """

    sold: int = 0
    given: int = 0
    spent: int = 0
    expired: int = 0
    clawed_back: int = 0
    adjusted: int = 0

    @property
    def change(self) -> int:
        """By how much the balances moved."""
        return self.sold + self.given - self.spent - self.expired - self.clawed_back + self.adjusted

    def add(self, other: Credits) -> None:
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))

    def as_dict(self) -> dict[str, int]:
        return {**asdict(self), "change": self.change}


@dataclass(frozen=True)
class Owed:
    """What customers hold now, and what they paid for it.

    ``deferred_minor`` is that money per currency, without tax: revenue only when the credits are spent or
    lapse.
    ``uncounted`` wallets have moved since they were last counted, so the days before today may still grow;
    everything up to ``counted_to`` is counted. The lots of ``undrawn`` wallets are not drawn to their end:
    of those, what was paid for counts as not used yet.
    """

    outstanding: int
    debt: int
    deferred_minor: dict[str, int]
    uncounted: int
    undrawn: int
    counted_to: datetime | None


def catch_up(context: Context, *, max_time: timedelta | None = None) -> None:
    """Count what has moved up to now, of credits and of plans, and failures that are settled. Commits.

    It comes to its end however fast others sell meanwhile. Safe in several processes at once.

    :param max_time: Leave the rest to the next time after so long.
    """
    until_s = monotonic() + max_time.total_seconds() if max_time is not None else math.inf
    for count_some in (plan_revenue.count, failures.count):
        while count_some(context):
            if monotonic() > until_s:
                return
    _count_wallets(context, until_s)


def _count_wallets(context: Context, until_s: float) -> None:
    """Go once through the wallets, and count of each what stands in it by then."""
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
    counts = or_(Wallet.drawn_seq > _counted(), waiting <= ENTRIES, Wallet.moved_at < quiet)
    of_next = Wallet.id > after, Wallet.id <= upto
    with reading(context) as session:
        behind = session.execute(_behind().where(counts, *of_next).order_by(Wallet.id).limit(WALLETS)).all()
    for wallet in behind:
        undrawn = wallet.seq - wallet.drawn_seq
        if 0 < undrawn <= ENTRIES or (undrawn and wallet.moved_at < quiet):
            context.ledger.bring_up_to_date(wallet.owner)
    left = [(wallet, wallet.counted, wallet.seq) for wallet in behind]
    while left:
        with transaction(context) as session:
            steps = [
                (wallet, _count(session, wallet, counted, context.config.time_zone), counted, seq)
                for wallet, counted, seq in left
            ]
        left = [(wallet, now, seq) for wallet, now, before, seq in steps if before < now < seq]
    return behind[-1].id if behind else None


def _all_counted(session: Session, now: datetime, zone: str) -> None:
    """Say up to when the sums are whole, to the minute."""
    before = session.scalar(select(Copying.counted_to))
    if before is None or not now - MINUTE < before <= now:
        made = insert(session, Copying).values(id=1, zone=zone, counted_to=now)
        session.execute(made.on_conflict_do_update(index_elements=["id"], set_={"counted_to": now}))


def _behind() -> Select[*tuple[Any, ...]]:
    counted = _counted().label("counted")
    return (
        select(Wallet.slot, Wallet.id, Wallet.owner, Wallet.seq, Wallet.drawn_seq, Wallet.moved_at, counted)
        .outerjoin(Counted, Counted.of(Wallet))
        .where(Wallet.seq > _counted())
    )


def _counted() -> ColumnElement[int]:
    return func.coalesce(Counted.seq, 0)


def _count(session: Session, wallet: Row[Any], after: int, zone: str) -> int:
    """Add the next entries of one wallet that are drawn to the sums, unless another process has.

    Returns up to which they are counted now; ``after`` where there were none, or another was first.
    """
    drawn = (
        session.scalar(select(Wallet.drawn_seq).where(Wallet.slot == wallet.slot, Wallet.id == wallet.id))
        or 0
    )
    upto = min(drawn, after + ENTRIES)
    sums: defaultdict[tuple[date, str, str], Counter[str]] = defaultdict(Counter)
    days: dict[int, date] = {}
    for entry in session.execute(_entries(wallet, after, upto)):
        days[entry.seq] = day_of(entry.at, zone)
        worth = _worth(entry)
        kind = ROLL_OVER if entry.key.startswith(f"{ROLL_OVER}:") else entry.kind.value
        cell = (days[entry.seq], kind, entry.currency or entry.lot_currency or "")
        sums[cell].update(entries=1, credits=entry.credits, debt=entry.debt, worth_minor=worth)
    for (day, currency), minor in deferred.moved(session, wallet, after, upto, days).items():
        sums[day, DEFERRED, currency].update(worth_minor=minor)
    first = (
        insert(session, Counted).values(slot=wallet.slot, wallet_id=wallet.id, seq=0).on_conflict_do_nothing()
    )
    session.execute(first)
    mine = update(Counted).where(Counted.of(wallet), Counted.seq == after).values(seq=upto)
    if session.execute(mine.returning(Counted.seq)).first() is None:
        return after
    if not sums:
        return upto
    new = insert(session, CreditSum)
    names = ("entries", "credits", "debt", "worth_minor")
    rows = [
        {
            "day": day,
            "kind": kind,
            "currency": currency,
            **{name: sums[day, kind, currency][name] for name in names},
        }
        for day, kind, currency in sorted(sums)
    ]
    added = {name: CreditSum.__table__.c[name] + new.excluded[name] for name in names}
    session.execute(new.on_conflict_do_update(index_elements=["day", "kind", "currency"], set_=added), rows)
    return upto


def _entries(wallet: Row[Any], after: int, upto: int) -> Select[*tuple[Any, ...]]:
    """Entries with what was paid for the lot that an expiry or a clawback refers to.

    ``undoes`` is whether a clawback is one that gives again, which refers to the one that took.
    """
    origin, earlier = aliased(Entry), aliased(Entry)
    undoes = earlier.kind == Kind.CLAWBACK
    lot_seq = case((undoes, earlier.refers_to_seq), else_=Entry.refers_to_seq)
    is_its_lot = Lot.beside(Entry) & (Lot.seq == lot_seq)
    takes_of = is_its_lot & Entry.kind.in_((Kind.EXPIRY, Kind.CLAWBACK))
    is_earlier = earlier.beside(Entry) & (earlier.seq == Entry.refers_to_seq)
    return (
        select(
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
        .outerjoin(origin, origin.beside(Lot) & (origin.seq == Lot.origin))
        .where(Entry.of(wallet), Entry.seq > after, Entry.seq <= upto)
    )


def _worth(entry: Row[Any]) -> int:
    """What was paid for an entry's credits, or went back, without tax."""
    if entry.net_minor is not None:
        return int(-entry.net_minor if entry.undoes else entry.net_minor)
    if not entry.lot_minor:
        return 0
    return deferred.share(entry.debt - entry.credits, entry.lot_credits, entry.lot_minor)


def credits(session: Session, selection: Selection = EVERYTHING) -> list[tuple[date, Credits]]:
    """What came and went in each period that saw anything, as far as it is counted; of all currencies."""
    wanted = (
        select(CreditSum.day, CreditSum.kind, func.sum(CreditSum.credits))
        .where(CreditSum.kind != DEFERRED)
        .group_by(CreditSum.day, CreditSum.kind)
    )
    lines: defaultdict[date, Credits] = defaultdict(Credits)
    for day, kind, moved in session.execute(selection.within_days(wanted, CreditSum)):
        column, sign = COLUMNS[kind]
        lines[first_day(day, selection.by)].add(Credits(**{column: sign * int(moved)}))
    return sorted(lines.items())


def worth(session: Session, selection: Selection = EVERYTHING) -> dict[str, dict[str, int]]:
    """What was paid for the credits, without tax: opening + sold - earned - clawed back - breakage = closing.

    Per currency. ``opening`` and ``closing`` are what is deferred before the first day and after the last:
    paid for and not used yet. ``earned`` is what was spent, less what was given back.
    """
    wanted = (
        select(CreditSum.currency, CreditSum.kind, func.sum(CreditSum.worth_minor))
        .where(CreditSum.currency != "")
        .group_by(CreditSum.currency, CreditSum.kind)
    )
    names = {
        Kind.PURCHASE: ("sold", 1),
        Kind.ALLOWANCE: ("sold", 1),
        Kind.CLAWBACK: ("clawed_back", 1),
        Kind.EXPIRY: ("breakage", 1),
        ROLL_OVER: ("breakage", -1),
        DEFERRED: ("moved", 1),
    }
    lines: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for currency, kind, minor in session.execute(selection.within_days(wanted, CreditSum)):
        if kind in names:
            name, sign = names[kind]
            lines[currency][name] += sign * int(minor)
    for currency, minor in _deferred_before(session, selection.first).items():
        lines[currency]["opening"] = minor
    for line in lines.values():
        line["closing"] = line["opening"] + line["moved"]
        line["earned"] = line["sold"] - line["clawed_back"] - line["breakage"] - line["moved"]
    return {currency: {name: lines[currency][name] for name in WORTH} for currency in sorted(lines)}


def _deferred_before(session: Session, day: date | None) -> dict[str, int]:
    if day is None:
        return {}
    moved = select(CreditSum.currency, func.sum(CreditSum.worth_minor)).group_by(CreditSum.currency)
    rows = session.execute(moved.where(CreditSum.kind == DEFERRED, CreditSum.day < day))
    return {currency: int(minor) for currency, minor in rows if minor}


def owed(session: Session) -> Owed:
    """What customers hold, and the money that they paid for it, as far as lots are drawn."""
    behind = case((Wallet.drawn_seq < Wallet.seq, 1), else_=0)
    outstanding, debt, undrawn = session.execute(
        select(*(func.coalesce(func.sum(column), 0) for column in (Wallet.balance, Wallet.debt, behind)))
    ).one()
    has_some = (Lot.left_over > 0) | (Lot.held > 0)
    rows = session.execute(deferred.in_lots().where(has_some).order_by(Entry.currency))
    money = {str(currency): int(minor) for currency, minor in rows}
    late = session.scalar(select(func.count()).select_from(_behind().subquery())) or 0
    counted_to = session.scalar(select(Copying.counted_to))
    return Owed(int(outstanding), int(debt), money, late, int(undrawn), counted_to)
