"""Credits: sold, given, spent, expired and clawed back by day, and what is still owed for them.

The sums by day are kept by ``sums/credit_sums.py``. What is owed is read from the lots.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from prepaid_ledger.tables import Entry, Kind, Lot, Wallet

from . import deferred
from .days import first_day
from .models import DEFERRED, ROLL_OVER, Copying, CreditSum
from .selection import EVERYTHING, Selection
from .sums import credit_sums

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


def entries(session: Session, selection: Selection) -> Counter[str]:
    """How many entries each column of ``credits`` adds up; of ``change``, all of them."""
    wanted = (
        select(CreditSum.kind, func.sum(CreditSum.entries))
        .where(CreditSum.kind != DEFERRED)
        .group_by(CreditSum.kind)
    )
    counted: Counter[str] = Counter()
    for kind, count in session.execute(selection.within_days(wanted, CreditSum)):
        counted[COLUMNS[kind][0]] += int(count)
        counted["change"] += int(count)
    return counted


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
    late = session.scalar(select(func.count()).select_from(credit_sums.behind().subquery())) or 0
    counted_to = session.scalar(select(Copying.counted_to))
    return Owed(int(outstanding), int(debt), money, late, int(undrawn), counted_to)
