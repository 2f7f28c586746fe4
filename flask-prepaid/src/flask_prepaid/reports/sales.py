"""Sales, from our own copy of what moved at Stripe: read-only, and true to Stripe's balance."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from sqlalchemy import Select, exists, func, select, union_all
from sqlalchemy.orm import Session

from ..payments.models import Payment, PaymentState
from .balance_sync import PLAN
from .days import Span, first_day
from .models import DaySum, Movement, OwnerSum

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

#: Payments that are looked at for what the copy does not hold yet.
LATEST = 100

#: What a sale can be cut by, beside the day.
PARTS = ("product", "plan", "currency", "country", "customer")

#: Lines of a cut that are shown for each currency; what is left is one more.
MOST = 50


@dataclass
class Sales:
    """What came in and went in one currency, positive amounts in its smallest unit.

    ``gross_minor`` is what was charged: after ``discounts_minor``, and with ``tax_minor`` in it.
    """

    gross_minor: int = 0
    refunds_minor: int = 0
    disputes_minor: int = 0
    fees_minor: int = 0
    discounts_minor: int = 0
    tax_minor: int = 0

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
)


@dataclass(frozen=True)
class Line:
    """The sales of one day, or of the week or month that begins with it, in one currency."""

    day: date
    currency: str
    sales: Sales


@dataclass(frozen=True)
class Cut:
    """The sales of one product, country or customer. ``is_rest``: of all that have no line of their own.

    An empty name is: not known.
    """

    name: str
    currency: str
    sales: Sales
    is_rest: bool = False


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
    lines: defaultdict[tuple[date, str], Sales] = defaultdict(Sales)
    wanted = within(_sums(DaySum.day, DaySum.currency), DaySum, start=start, end=end, currency=currency)
    for day, of, *moved in session.execute(wanted):
        lines[first_day(day, by), of].add(sales_of(*moved))
    return [Line(day, of, lines[day, of]) for day, of in sorted(lines)]


def sales_by(
    session: Session,
    part: str,
    *,
    start: date | None = None,
    end: date | None = None,
    currency: str | None = None,
    most: int = MOST,
) -> list[Cut]:
    """The sales of each product, plan, currency, country or customer; per currency the highest gross first.

    In each currency they add up to all of its sales, but for plans: those are a part of it.

    :param part: One of ``PARTS``.
    :param most: So many per currency; the others share a line.
    """
    asked = {"start": start, "end": end, "currency": currency}
    if part == "customer":
        return _by_customer(session, most, **asked)  # type: ignore[arg-type]
    key = {"currency": DaySum.currency, "country": DaySum.country}.get(part, DaySum.product)
    wanted = within(_sums(key, DaySum.currency), DaySum, **asked)  # type: ignore[arg-type]
    if part == "plan":
        wanted = wanted.where(DaySum.product.startswith(PLAN))
    found: defaultdict[tuple[str, str], Sales] = defaultdict(Sales)
    for name, of, *moved in session.execute(wanted):
        found[of, name.removeprefix(PLAN) if part == "plan" else name].add(sales_of(*moved))
    ranked = sorted(found.items(), key=lambda item: (item[0][0], -item[1].gross_minor, item[0][1]))
    kept: defaultdict[str, list[Cut]] = defaultdict(list)
    rest: defaultdict[str, Sales] = defaultdict(Sales)
    for (of, name), sold in ranked:
        if len(kept[of]) < most:
            kept[of].append(Cut(name, of, sold))
        else:
            rest[of].add(sold)
    for of, sold in rest.items():
        kept[of].append(Cut("", of, sold, is_rest=True))
    return [cut for cuts in kept.values() for cut in cuts]


def _by_customer(
    session: Session, most: int, *, start: date | None, end: date | None, currency: str | None
) -> list[Cut]:
    """Those who paid most, and all others together: what is left of the total.

    Two looks: who they are, by gross alone, and then all columns of those.
    """
    cuts: list[Cut] = []
    every = totals(sales(session, start=start, end=end, currency=currency))
    for of, rest in every.items():
        owners = _best_customers(session, most, start=start, end=end, currency=of)
        found: dict[str, Sales] = {owner: Sales() for owner in owners}
        theirs = _sums(Movement.owner, table=Movement).where(Movement.owner.in_(owners))
        for owner, *moved in session.execute(within(theirs, Movement, start=start, end=end, currency=of)):
            sold = sales_of(*moved)
            found[owner].add(sold)
            rest.add(sold, -1)
        cuts += [Cut(owner, of, found[owner]) for owner in owners]
        if rest != Sales():
            cuts.append(Cut("", of, rest, is_rest=True))
    return cuts


def _best_customers(
    session: Session, most: int, *, start: date | None, end: date | None, currency: str
) -> list[str]:
    """Who was charged most, by the charges of these days; or by what each was ever charged, less the other
    days, where those are the fewer: so no question reads more than half of all charges.
    """
    charges = select(func.coalesce(func.sum(DaySum.movements), 0)).where(DaySum.category == "charge")
    ever, inside = (
        session.scalar(within(charges, DaySum, start=first, end=last, currency=currency)) or 0
        for first, last in ((None, None), (start, end))
    )
    charged = select(Movement.owner, Movement.amount_minor.label("minor")).where(
        Movement.currency == currency, Movement.category == "charge", Movement.owner != ""
    )
    if 2 * inside < ever:
        found = within(charged, Movement, start=start, end=end).subquery()
    else:
        parts = [
            select(OwnerSum.owner, OwnerSum.gross_minor.label("minor")).where(OwnerSum.currency == currency)
        ]
        less = charged.with_only_columns(Movement.owner, -Movement.amount_minor)
        if start is not None:
            parts.append(less.where(Movement.day < start))
        if end is not None:
            parts.append(less.where(Movement.day > end))
        found = union_all(*parts).subquery()
    paid = func.sum(found.c.minor)
    best = select(found.c.owner).group_by(found.c.owner).having(paid > 0)
    return list(session.scalars(best.order_by(paid.desc(), found.c.owner).limit(most)))


def left_out(session: Session, *, span: Span) -> list[tuple[str, str, int]]:
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
    rows = session.execute(within(wanted, DaySum, start=span.first, end=span.last))
    return [(category, of, int(amount)) for category, of, amount in rows]


def uncopied(session: Session) -> dict[str, int]:
    """What was paid lately and is in no sum yet, per currency: Stripe's balance was copied before."""
    latest = select(Payment.id).order_by(Payment.id.desc()).limit(LATEST)
    waiting = (
        select(Payment.currency, func.sum(Payment.paid_minor))
        .where(Payment.id.in_(latest), Payment.state == PaymentState.PAID, Payment.paid_minor > 0)
        .where(Payment.payment_intent_id.is_not(None))
        .where(~exists().where(Movement.intent_id == Payment.payment_intent_id))
        .group_by(Payment.currency)
        .order_by(Payment.currency)
    )
    return {of: int(minor or 0) for of, minor in session.execute(waiting)}


def balances(session: Session) -> dict[str, int]:
    """What all that was ever copied adds up to, per currency: Stripe's balance, if nothing is missing."""
    net = func.sum(Movement.net_minor)
    rows = session.execute(select(Movement.currency, net).group_by(Movement.currency))
    return {of: int(minor) for of, minor in rows}


def _sums(*keys: Any, table: Any = DaySum) -> Select[*tuple[Any, ...]]:
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


def within(
    wanted: Select[*tuple[Any, ...]],
    table: Any,
    *,
    start: date | None,
    end: date | None,
    currency: str | None = None,
) -> Select[*tuple[Any, ...]]:
    """Only these days, both included, and this currency."""
    if start is not None:
        wanted = wanted.where(table.day >= start)
    if end is not None:
        wanted = wanted.where(table.day <= end)
    return wanted if currency is None else wanted.where(table.currency == currency)


def sales_of(category: str, amount_minor: int, fee_minor: int, discount_minor: int, tax_minor: int) -> Sales:
    """Of one kind of movement. Its own fee, such as a dispute's, is a fee and no part of its amount."""
    column, sign = COLUMNS[category]
    line = Sales(discounts_minor=int(discount_minor), tax_minor=int(tax_minor))
    setattr(line, column, sign * int(amount_minor))
    line.fees_minor += int(fee_minor)
    return line


def totals(lines: list[Line]) -> dict[str, Sales]:
    """The sums per currency. Currencies are never added up."""
    sums: defaultdict[str, Sales] = defaultdict(Sales)
    for line in lines:
        sums[line.currency].add(line.sales)
    return dict(sorted(sums.items()))
