"""Sales, from our own copy of what moved at Stripe: read-only, and true to Stripe's balance."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, exists, func, select, union_all
from sqlalchemy.orm import Session

from ..payments.models import Payment, PaymentState
from .balance.tying import PLAN
from .days import Span, first_day
from .models import DaySum, Movement, OwnerSum
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

#: Money that goes between Stripe and our bank is no sale, and no line of the break.
TRANSFERS = frozenset({"payout", "payout_reversal", "topup", "topup_reversal"})

#: So many of the latest payments are checked for what the copy does not hold yet.
LATEST = 100

#: What a sale can be cut by, beside the day.
PARTS = ("product", "plan", "currency", "country", "tax", "customer")

#: Lines of a cut that are shown for each currency; what is left is one more.
MAX_CUTS = 50


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


@dataclass(frozen=True)
class Cut:
    """The sales of one product, country or customer. ``is_rest``: of all that have no line of their own.

    An empty name is: not known.
    """

    name: str
    currency: str
    sales: Sales
    is_rest: bool = False


def sales(session: Session, selection: Selection = EVERYTHING) -> list[SalesRow]:
    """What was sold in each period that saw anything, by the days of the shop's time zone."""
    rows: defaultdict[tuple[date, str], Sales] = defaultdict(Sales)
    wanted = selection.within(_sums(DaySum.day, DaySum.currency), DaySum)
    for day, currency, *sums in session.execute(wanted):
        rows[first_day(day, selection.by), currency].add(sales_of(*sums))
    return [SalesRow(day, currency, rows[day, currency]) for day, currency in sorted(rows)]


def sales_by(
    session: Session, part: str, selection: Selection = EVERYTHING, *, max_cuts: int = MAX_CUTS
) -> list[Cut]:
    """The sales of each product, plan, currency, card's country, tax or customer; the highest gross first.

    By tax each line is the buyer's country and how the purchases were taxed there, ``DE reverse_charge``.

    In each currency they add up to all of its sales, but for plans: those are a part of it.

    :param part: One of ``PARTS``.
    :param max_cuts: So many per currency; the others share a line.
    """
    if part == "customer":
        return _by_customer(session, selection, max_cuts)
    keys = {"currency": DaySum.currency, "country": DaySum.country, "tax": DaySum.taxed}
    key = keys.get(part, DaySum.product)
    wanted = selection.within(_sums(key, DaySum.currency), DaySum)
    if part == "plan":
        wanted = wanted.where(DaySum.product.startswith(PLAN))
    sales_of_part: defaultdict[tuple[str, str], Sales] = defaultdict(Sales)
    for name, currency, *sums in session.execute(wanted):
        shown = name.removeprefix(PLAN) if part == "plan" else name
        sales_of_part[currency, shown].add(sales_of(*sums))
    return _best(sales_of_part, max_cuts)


def _best(sales_of_part: Mapping[tuple[str, str], Sales], max_cuts: int) -> list[Cut]:
    """Per currency those with the highest gross, and the others in one line."""
    ranked = sorted(sales_of_part.items(), key=lambda item: (item[0][0], -item[1].gross_minor, item[0][1]))
    cuts: defaultdict[str, list[Cut]] = defaultdict(list)
    others: defaultdict[str, Sales] = defaultdict(Sales)
    for (currency, name), sold in ranked:
        if len(cuts[currency]) < max_cuts:
            cuts[currency].append(Cut(name, currency, sold))
        else:
            others[currency].add(sold)
    for currency, sold in others.items():
        cuts[currency].append(Cut("", currency, sold, is_rest=True))
    return [cut for of_currency in cuts.values() for cut in of_currency]


def _by_customer(session: Session, selection: Selection, max_cuts: int) -> list[Cut]:
    """The customers who paid most, and all others together: what is left of the total.

    Read in two steps: who they are, by gross alone, and then all columns of these.
    """
    cuts: list[Cut] = []
    for currency, rest in totals(sales(session, selection)).items():
        days = replace(selection, currency=currency)
        best = _best_customers(session, days, currency, max_cuts)
        sales_of_owner: dict[str, Sales] = {owner: Sales() for owner in best}
        theirs = _sums(Movement.owner, table=Movement).where(Movement.owner.in_(best))
        for owner, *sums in session.execute(days.within(theirs, Movement)):
            sold = sales_of(*sums)
            sales_of_owner[owner].add(sold)
            rest.add(sold, -1)
        cuts += [Cut(owner, currency, sold) for owner, sold in sales_of_owner.items()]
        if rest != Sales():
            cuts.append(Cut("", currency, rest, is_rest=True))
    return cuts


def _best_customers(session: Session, days: Selection, currency: str, max_customers: int) -> list[str]:
    """Who was charged most, by the charges of these days; or by what each was ever charged, less the other
    days, where those are the fewer: so no question reads more than half of all charges.
    """
    charges = select(func.coalesce(func.sum(DaySum.movements), 0)).where(DaySum.category == "charge")
    ever, inside = (
        session.scalar(selection.within(charges, DaySum)) or 0
        for selection in (Selection(currency=currency), days)
    )
    charged = select(Movement.owner, Movement.amount_minor.label("minor")).where(
        Movement.currency == currency, Movement.category == "charge", Movement.owner != ""
    )
    if 2 * inside < ever:
        charges_of_owner = days.within_days(charged, Movement).subquery()
    else:
        parts = [
            select(OwnerSum.owner, OwnerSum.gross_minor.label("minor")).where(OwnerSum.currency == currency)
        ]
        less = charged.with_only_columns(Movement.owner, -Movement.amount_minor)
        if days.first is not None:
            parts.append(less.where(Movement.day < days.first))
        if days.last is not None:
            parts.append(less.where(Movement.day > days.last))
        charges_of_owner = union_all(*parts).subquery()
    owner, paid = charges_of_owner.c.owner, func.sum(charges_of_owner.c.minor)
    best = select(owner).group_by(owner).having(paid > 0)
    return list(session.scalars(best.order_by(paid.desc(), owner).limit(max_customers)))


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


def uncopied(session: Session, *, since: datetime | None = None) -> dict[str, int]:
    """What was paid lately and is in no sum yet, per currency: Stripe's balance was copied before.

    :param since: Only what was paid from then on.
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
    return {currency: int(minor or 0) for currency, minor in session.execute(waiting)}


def currencies(session: Session) -> set[str]:
    """The currencies in which anything was ever sold."""
    return set(session.scalars(select(DaySum.currency).distinct()))


def balances(session: Session) -> dict[str, int]:
    """What all that was ever copied adds up to, per currency: Stripe's balance, if nothing is missing."""
    net = func.sum(Movement.net_minor)
    rows = session.execute(select(Movement.currency, net).group_by(Movement.currency))
    return {currency: int(minor) for currency, minor in rows}


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
