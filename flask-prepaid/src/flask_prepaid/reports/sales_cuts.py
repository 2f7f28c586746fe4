"""Sales cut by what was sold, where, in which currency, how it was taxed, or to whom."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlalchemy import func, select, union_all
from sqlalchemy.orm import Session

from .balance.tying import PLAN
from .models import DaySum, Movement, OwnerSum
from .sales import Sales, by_category, sales, sales_of, totals
from .selection import EVERYTHING, Selection

#: What a sale can be cut by, beside the day.
PARTS = ("product", "plan", "currency", "country", "tax", "customer")

#: Lines of a cut that are shown for each currency; what is left is one more.
MAX_CUTS = 50


@dataclass(frozen=True)
class Cut:
    """The sales of one product, country or customer. ``is_rest``: of all that have no line of their own.

    An empty name is: not known.
    """

    name: str
    currency: str
    sales: Sales
    is_rest: bool = False


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
    wanted = selection.within(by_category(key, DaySum.currency), DaySum)
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
        theirs = by_category(Movement.owner, table=Movement).where(Movement.owner.in_(best))
        for owner, *sums in session.execute(days.within(theirs, Movement)):
            sold = sales_of(*sums)
            sales_of_owner[owner].add(sold)
            rest.add(sold, -1)
        cuts += [Cut(owner, currency, sold) for owner, sold in sales_of_owner.items()]
        if rest != Sales():
            cuts.append(Cut("", currency, rest, is_rest=True))
    return cuts


def _best_customers(session: Session, days: Selection, currency: str, max_customers: int) -> list[str]:
    """Who was charged most in these days.

    Where most charges are of these days, it is what each was ever charged, less the other days: so no
    question reads more than half of all charges.
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
