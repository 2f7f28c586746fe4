"""Sales, from our own copy of what moved at Stripe: read-only, and true to Stripe's balance."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, exists, func, select
from sqlalchemy.orm import Session

from ..payments.models import Payment, PaymentState
from .days import Span, first_day
from .models import DaySum, Movement
from .selection import EVERYTHING, Selection

#: Which column of a sale's line a movement belongs to, by Stripe's ``reporting_category``, and its sign.
#: https://docs.stripe.com/reports/reporting-categories
COLUMNS = {
    "charge": ("gross_minor", 1),
    "refund": ("refunds_minor", -1),
    "partial_capture_reversal": ("refunds_minor", -1),
    "refund_failure": ("refunds_minor", -1),
    "charge_failure": ("refunds_minor", -1),  # a bank debit that came back
    "dispute": ("disputes_minor", -1),
    "dispute_reversal": ("disputes_minor", -1),
    "fee": ("fees_minor", -1),
}

#: The columns that each charge has its part in.
CHARGED = ("gross_minor", "net_minor", "tax_minor", "fees_minor")

#: Money that goes between Stripe and our bank is no sale, and no line of the break.
TRANSFERS = frozenset({"payout", "payout_reversal", "topup", "topup_reversal"})

#: So many of the latest payments are checked for what the copy does not hold yet.
LATEST = 100


@dataclass
class Sales:
    """What came in and went in one currency, positive amounts in its smallest unit.

    ``gross_minor`` is what was charged: after ``discounts_minor``, and with ``tax_minor`` in it. Refunds and
    disputes have ``tax_back_minor`` in them.
    """

    gross_minor: int = 0
    refunds_minor: int = 0
    disputes_minor: int = 0
    fees_minor: int = 0
    discounts_minor: int = 0
    tax_minor: int = 0
    tax_back_minor: int = 0

    @property
    def net_minor(self) -> int:
        return self.gross_minor - self.refunds_minor - self.disputes_minor - self.fees_minor

    def add(self, other: Sales, times: int = 1) -> None:
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + times * getattr(other, field.name))

    def as_dict(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in SHOWN}


#: The columns of a report, in order.
SHOWN = (
    "gross_minor",
    "refunds_minor",
    "disputes_minor",
    "fees_minor",
    "net_minor",
    "discounts_minor",
    "tax_minor",
    "tax_back_minor",
)


@dataclass(frozen=True)
class SalesRow:
    """The sales of one day, or of the week or month that begins with it, in one currency."""

    day: date
    currency: str
    sales: Sales


def sales(session: Session, selection: Selection = EVERYTHING) -> list[SalesRow]:
    """What was sold in each period that saw anything, by the days of the shop's time zone."""
    rows: defaultdict[tuple[date, str], Sales] = defaultdict(Sales)
    wanted = selection.within(by_category(DaySum.day, DaySum.currency), DaySum)
    for day, currency, *sums in session.execute(wanted):
        rows[first_day(day, selection.by), currency].add(sales_of(*sums))
    return [SalesRow(day, currency, rows[day, currency]) for day, currency in sorted(rows)]


def movements(session: Session, selection: Selection) -> dict[str, Counter[str]]:
    """How many movements each column adds up, per currency; the charges in what follows from them."""
    counted = (
        select(DaySum.currency, DaySum.category, func.sum(DaySum.movements))
        .where(DaySum.category.in_(list(COLUMNS)))
        .group_by(DaySum.currency, DaySum.category)
    )
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for currency, category, count in session.execute(selection.within(counted, DaySum)):
        columns = CHARGED if category == "charge" else (COLUMNS[category][0],)
        counts[currency].update(dict.fromkeys(columns, int(count)))
    return counts


def left_out(session: Session, span: Span) -> list[tuple[str, str, int]]:
    """What moved Stripe's balance in ``span`` and is in no column: category, currency, net amount.

    Such a line is a break between the report and the balance, to be explained and not hidden.
    """
    net = func.sum(DaySum.amount_minor - DaySum.fee_minor)
    wanted = (
        select(DaySum.category, DaySum.currency, net)
        .where(DaySum.category.not_in((*COLUMNS, *TRANSFERS)))
        .group_by(DaySum.category, DaySum.currency)
        .order_by(DaySum.category, DaySum.currency)
    )
    rows = session.execute(Selection(span.first, span.last).within(wanted, DaySum))
    return [(category, currency, int(amount)) for category, currency, amount in rows]


def uncopied(
    session: Session, *, since: datetime | None = None, until: datetime | None = None
) -> dict[str, int]:
    """What was paid lately and is in no sum yet, per currency: Stripe's balance was copied before.

    :param since: Only what was paid from then on.
    :param until: Only what was paid before then.
    """
    latest = select(Payment.id).order_by(Payment.id.desc()).limit(LATEST)
    waiting = (
        select(Payment.currency, func.sum(Payment.paid_minor))
        .where(Payment.id.in_(latest), Payment.state == PaymentState.PAID, Payment.paid_minor > 0)
        .where(Payment.payment_intent_id.is_not(None))
        .where(~exists().where(Movement.intent_id == Payment.payment_intent_id))
        .group_by(Payment.currency)
        .order_by(Payment.currency)
    )
    if since is not None:
        waiting = waiting.where(Payment.paid_at >= since)
    if until is not None:
        waiting = waiting.where(Payment.paid_at < until)
    return {currency: int(minor or 0) for currency, minor in session.execute(waiting)}


def currencies(session: Session) -> set[str]:
    """The currencies in which anything was ever sold."""
    return set(session.scalars(select(DaySum.currency).distinct()))


def balances(session: Session) -> dict[str, int]:
    """What all that was ever copied adds up to, per currency: Stripe's balance, if nothing is missing."""
    net = func.sum(Movement.net_minor)
    rows = session.execute(select(Movement.currency, net).group_by(Movement.currency))
    return {currency: int(minor) for currency, minor in rows}


def by_category(*keys: Any, table: Any = DaySum) -> Select[*tuple[Any, ...]]:
    """By ``keys`` and category, what is in a column: the arguments of ``sales_of``."""
    return (
        select(
            *keys,
            table.category,
            func.sum(table.amount_minor),
            func.sum(table.fee_minor),
            func.sum(table.discount_minor),
            func.sum(table.tax_minor),
        )
        .where(table.category.in_(list(COLUMNS)))
        .group_by(*keys, table.category)
    )


def sales_of(category: str, amount_minor: int, fee_minor: int, discount_minor: int, tax_minor: int) -> Sales:
    """Of one kind of movement. Its own fee, such as a dispute's, is a fee and no part of its amount."""
    column, sign = COLUMNS[category]
    line = Sales(discounts_minor=int(discount_minor))
    if column == "gross_minor":
        line.tax_minor = int(tax_minor)
    else:
        line.tax_back_minor = -int(tax_minor)
    setattr(line, column, sign * int(amount_minor))
    line.fees_minor += int(fee_minor)
    return line


def totals(rows: list[SalesRow]) -> dict[str, Sales]:
    """The sums per currency. Currencies are never added up."""
    sums: defaultdict[str, Sales] = defaultdict(Sales)
    for row in rows:
        sums[row.currency].add(row.sales)
    return dict(sorted(sums.items()))
