"""Sales, from our own copy of what moved at Stripe: read-only, and true to Stripe's balance.

``sync`` copies Stripe's balance transactions; the reports never ask Stripe.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from datetime import date, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from . import payments
from .models import Movement
from .payments import insert

if TYPE_CHECKING:
    from .extension import Prepaid

#: A balance transaction may be listed late; what was copied is looked at once more for so long.
OVERLAP = timedelta(days=3)

#: Which column of a sale's line a movement belongs to, by Stripe's ``reporting_category``, and its sign.
#: What is not here, such as a payout, is no sale. https://docs.stripe.com/reports/reporting-categories
COLUMNS = {
    "charge": ("gross_minor", 1),
    "refund": ("refunds_minor", -1),
    "partial_capture_reversal": ("refunds_minor", -1),
    "refund_failure": ("refunds_minor", -1),
    "dispute": ("disputes_minor", -1),
    "dispute_reversal": ("disputes_minor", -1),
    "fee": ("fees_minor", -1),
}


@dataclass
class Sales:
    """What came in and went in one currency, positive amounts in its smallest unit."""

    gross_minor: int = 0
    refunds_minor: int = 0
    disputes_minor: int = 0
    fees_minor: int = 0

    @property
    def net_minor(self) -> int:
        return self.gross_minor - self.refunds_minor - self.disputes_minor - self.fees_minor

    def add(self, other: Sales) -> None:
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))

    def as_dict(self) -> dict[str, int]:
        return {**asdict(self), "net_minor": self.net_minor}


@dataclass(frozen=True)
class Line:
    """The sales of one day, or of the week or month that begins with it, in one currency."""

    day: date
    currency: str
    sales: Sales


def sync(prepaid: Prepaid, *, seen: Callable[[], None] = lambda: None) -> int:
    """Copy Stripe's balance transactions since the last time; how many were new. Commits."""
    session = payments.own_session(prepaid)
    latest = session.scalar(select(func.max(Movement.created_at)))
    session.commit()
    new = 0
    for movement in prepaid.gateway.all_movements(latest - OVERLAP if latest else None):
        seen()
        values = {**asdict(movement), "day": movement.created_at.date()}
        copied = insert(session, Movement).values(values).on_conflict_do_nothing().returning(Movement.id)
        new += session.scalar(copied) is not None
    session.commit()
    return new


def sales(
    session: Session,
    *,
    start: date | None = None,
    end: date | None = None,
    currency: str | None = None,
    by: str = "day",
) -> list[Line]:
    """What was sold from ``start`` to ``end``, both included, by UTC day.

    :param by: ``day``, ``week`` (from Monday) or ``month``; each line bears the first day of its period.
    """
    wanted = select(
        Movement.day,
        Movement.currency,
        Movement.category,
        func.sum(Movement.amount_minor),
        func.sum(Movement.fee_minor),
    ).group_by(Movement.day, Movement.currency, Movement.category)
    if start is not None:
        wanted = wanted.where(Movement.day >= start)
    if end is not None:
        wanted = wanted.where(Movement.day <= end)
    if currency is not None:
        wanted = wanted.where(Movement.currency == currency)
    lines: defaultdict[tuple[date, str], Sales] = defaultdict(Sales)
    for day, of, category, amount, fee in session.execute(wanted):
        if category in COLUMNS:
            lines[first_day(day, by), of].add(_sales_of(category, int(amount), int(fee)))
    return [Line(day, of, lines[day, of]) for day, of in sorted(lines)]


def _sales_of(category: str, amount_minor: int, fee_minor: int) -> Sales:
    """Of one kind of movement. Its own fee, such as a dispute's, is a fee and no part of its amount."""
    column, sign = COLUMNS[category]
    line = Sales(**{column: sign * amount_minor})
    line.fees_minor += fee_minor
    return line


def first_day(day: date, by: str) -> date:
    """The first day of the period that ``day`` lies in."""
    if by == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if by == "month" else day


def totals(lines: list[Line]) -> dict[str, Sales]:
    """The sums per currency. Currencies are never added up."""
    sums: defaultdict[str, Sales] = defaultdict(Sales)
    for line in lines:
        sums[line.currency].add(line.sales)
    return dict(sorted(sums.items()))
