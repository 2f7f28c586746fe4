"""Sales, from our own copy of what moved at Stripe: read-only, and true to Stripe's balance."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass, fields
from datetime import date
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from ..models import Payment
from .days import Span, first_day
from .models import DaySum, Movement

#: Which column of a sale's line a movement belongs to, by Stripe's ``reporting_category``, and its sign.
#: https://docs.stripe.com/reports/reporting-categories
COLUMNS = {
    "charge": ("gross_minor", 1),
    "refund": ("refunds_minor", -1),
    "partial_capture_reversal": ("refunds_minor", -1),
    "refund_failure": ("refunds_minor", -1),
    "dispute": ("disputes_minor", -1),
    "dispute_reversal": ("disputes_minor", -1),
    "fee": ("fees_minor", -1),
}

#: Money that goes between Stripe and our bank is no sale, and no line of the break.
TRANSFERS = frozenset({"payout", "payout_reversal", "topup", "topup_reversal"})

#: What a sale can be cut by, beside the day.
PARTS = ("product", "country", "customer")


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


def sales(
    session: Session,
    *,
    start: date | None = None,
    end: date | None = None,
    currency: str | None = None,
    by: str = "day",
) -> list[Line]:
    """What was sold from ``start`` to ``end``, both included, by the days of the shop's time zone.

    :param by: ``day``, ``week`` (from Monday) or ``month``; each line bears the first day of its period.
    """
    sums = _sums(DaySum.day, start=start, end=end, currency=currency)
    lines: defaultdict[tuple[date, str], Sales] = defaultdict(Sales)
    for day, of, category, amount, fee in session.execute(sums):
        if category in COLUMNS:
            lines[first_day(day, by), of].add(sales_of(category, int(amount), int(fee)))
    return [Line(day, of, lines[day, of]) for day, of in sorted(lines)]


def sales_by(
    session: Session, part: str, *, span: Span, currency: str | None = None, most: int = 50
) -> list[tuple[str, str, Sales]]:
    """The sales of each product, country or customer in ``span``, per currency; the highest gross first.

    :param part: One of ``PARTS``. An empty word is: not known.
    :param most: So many per currency at most.
    """
    if part == "customer":
        wanted = _sums_by_owner(span, currency)
    else:
        wanted = _sums(
            {"product": DaySum.product, "country": DaySum.country}[part],
            start=span.first,
            end=span.last,
            currency=currency,
        )
    found: defaultdict[tuple[str, str], Sales] = defaultdict(Sales)
    for name, of, category, amount, fee in session.execute(wanted):
        if category in COLUMNS:
            found[of, name or ""].add(sales_of(category, int(amount), int(fee)))
    ranked = sorted(found.items(), key=lambda item: (item[0][0], -item[1].gross_minor, item[0][1]))
    kept: defaultdict[str, list[tuple[str, str, Sales]]] = defaultdict(list)
    for (of, name), sold in ranked:
        if len(kept[of]) < most:
            kept[of].append((name, of, sold))
    return [line for lines in kept.values() for line in lines]


def left_out(session: Session, *, span: Span) -> list[tuple[str, str, int]]:
    """What moved Stripe's balance in ``span`` and is in no column: category, currency, net amount.

    Such a line is a break between the report and the balance, to be explained and not hidden.
    """
    sums = _sums(DaySum.currency, start=span.first, end=span.last)
    return sorted(
        (category, of, int(amount) - int(fee))
        for _, of, category, amount, fee in session.execute(sums)
        if category not in COLUMNS and category not in TRANSFERS
    )


def _sums(
    key: Any, *, start: date | None = None, end: date | None = None, currency: str | None = None
) -> Select[*tuple[Any, ...]]:
    wanted = select(
        key,
        DaySum.currency,
        DaySum.category,
        func.sum(DaySum.amount_minor),
        func.sum(DaySum.fee_minor),
    ).group_by(key, DaySum.currency, DaySum.category)
    if start is not None:
        wanted = wanted.where(DaySum.day >= start)
    if end is not None:
        wanted = wanted.where(DaySum.day <= end)
    return wanted if currency is None else wanted.where(DaySum.currency == currency)


def _sums_by_owner(span: Span, currency: str | None) -> Select[*tuple[Any, ...]]:
    wanted = (
        select(
            Payment.owner,
            Movement.currency,
            Movement.category,
            func.sum(Movement.amount_minor),
            func.sum(Movement.fee_minor),
        )
        .join(Payment, Payment.id == Movement.payment_id)
        .where(Movement.day >= span.first, Movement.day <= span.last)
        .group_by(Payment.owner, Movement.currency, Movement.category)
    )
    return wanted if currency is None else wanted.where(Movement.currency == currency)


def sales_of(category: str, amount_minor: int, fee_minor: int) -> Sales:
    """Of one kind of movement. Its own fee, such as a dispute's, is a fee and no part of its amount."""
    column, sign = COLUMNS[category]
    line = Sales(**{column: sign * amount_minor})
    line.fees_minor += fee_minor
    return line


def totals(lines: list[Line]) -> dict[str, Sales]:
    """The sums per currency. Currencies are never added up."""
    sums: defaultdict[str, Sales] = defaultdict(Sales)
    for line in lines:
        sums[line.currency].add(line.sales)
    return dict(sorted(sums.items()))
