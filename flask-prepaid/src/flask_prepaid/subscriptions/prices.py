"""What each Stripe price gives: the terms of a plan, agreed when it was made and kept here."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction

from sqlalchemy import select

from prepaid_ledger.database import insert

from ..catalog import Plan
from ..checks import MAX_CREDITS
from ..context import Context, reading, transaction
from ..errors import GatewayRefused, PlanRefused
from ..gateway.billing.subscription_values import PLAN, Price
from ..languages.words import marked
from .models import PlanPrice

log = logging.getLogger(__name__)

NOT_SOLD = marked("This plan is not sold at the moment. Choose another one.")

#: What of a plan is the same as long as one price stands for it, by its name on both.
SAME = (
    *("title", "credits", "parts", "once", "roll_over"),
    *("amount_minor", "currency", "interval", "interval_count"),
)

#: How many of each interval are in twelve months.
A_YEAR: dict[str, Fraction] = {
    "day": Fraction(365),
    "week": Fraction(365, 7),
    "month": Fraction(12),
    "year": Fraction(1),
}


def ensure(context: Context, plan: Plan, *, ask: bool = False) -> PlanPrice:
    """The price that stands for the plan as it is sold today, made at Stripe if need be. Commits.

    :param ask: Ask Stripe also where one is known here: it may be of another account. From then on two are
        known, and Stripe says which of them stands for the plan.
    """
    terms_of_today = (getattr(PlanPrice, name) == getattr(plan, name) for name in SAME)
    same = select(PlanPrice).where(PlanPrice.plan == plan.slug, *terms_of_today)
    with reading(context) as session:
        known = session.scalars(same).all()
    if len(known) == 1 and not ask:
        return known[0]
    price, _ = context.gateway.prices.mirror(
        lookup_key(context, plan),
        plan.title,
        amount_minor=plan.amount_minor,
        currency=plan.currency,
        period=plan.period,
        terms=as_metadata(plan),
    )
    with transaction(context) as session:
        _keep(context, price)
        return session.get_one(PlanPrice, price.id)


def stands_for(price: PlanPrice, plan: Plan) -> bool:
    """Whether a price is that of the plan as it is sold today, and not on the terms of an earlier day."""
    return price.plan == plan.slug and all(getattr(price, name) == getattr(plan, name) for name in SAME)


@contextmanager
def sold_at_stripe() -> Iterator[None]:
    """Say so where a price was archived in Stripe's dashboard: its plan can't be begun, nor changed to.

    :raises PlanRefused: It was.
    """
    try:
        yield
    except GatewayRefused as refused:
        if refused.param is None or not refused.param.endswith("[price]"):
            raise
        raise PlanRefused(NOT_SOLD) from refused


def lookup_key(context: Context, plan: Plan) -> str:
    """How the plan's price is found at Stripe; in a currency that is not its first one, by that as well."""
    listed = context.catalog.plans.get(plan.slug)
    is_first = listed is None or plan.currency == listed.currency
    return f"prepaid_plan_{plan.slug}" if is_first else f"prepaid_plan_{plan.slug}_{plan.currency}"


def as_metadata(plan: Plan) -> dict[str, str]:
    """What of a plan Stripe's price does not say by itself, as it is kept there."""
    return {
        PLAN: plan.slug,
        "prepaid_title": plan.title,
        "prepaid_credits": str(plan.credits),
        "prepaid_roll_over": str(plan.roll_over),
        **({"prepaid_parts": str(plan.parts)} if plan.parts > 1 else {}),
        **({"prepaid_once": str(plan.once)} if plan.once else {}),
    }


def learn(context: Context, price_ids: Iterable[str | None]) -> dict[str, PlanPrice]:
    """The terms of these prices, fetched where they are not known here yet. Commits.

    A price without our terms, such as one made in the dashboard, is left out; so is one with terms that no
    plan can have: whoever has the Stripe key can write some there.
    """
    wanted = {price_id for price_id in price_ids if price_id}
    with reading(context):
        known = _known(context, wanted)
    prices = [context.gateway.prices.fetch_recurring(price_id) for price_id in wanted - known.keys()]
    ours = [price for price in prices if price is not None and PLAN in price.terms]
    fit = [price for price in ours if _is_of_a_plan(price)]
    for price in ours:
        if price not in fit:
            log.error("price %s has terms that no plan can have: %s", price.id, price.terms)
    if not fit:
        return known
    with transaction(context):
        for price in fit:
            _keep(context, price)
        return _known(context, wanted)


def _is_of_a_plan(price: Price) -> bool:
    """Whether a plan can have these terms: a text for each name, and whole numbers within a plan's bounds."""
    terms = {"prepaid_parts": "1", "prepaid_once": "0", **price.terms}
    numbers = [terms.get(f"prepaid_{name}", "") for name in ("credits", "parts", "once", "roll_over")]
    if not all(number.isascii() and number.isdigit() and len(number) <= 10 for number in numbers):
        return False
    credits, parts, once, roll_over = map(int, numbers)
    is_named = 1 <= len(terms[PLAN]) <= 64 and 1 <= len(terms.get("prepaid_title", "")) <= 255
    bounds = 1 <= credits <= MAX_CREDITS and parts >= 1 and max(once, roll_over) <= MAX_CREDITS
    return is_named and bounds and price.amount_minor is not None


def _known(context: Context, price_ids: Collection[str]) -> dict[str, PlanPrice]:
    rows = context.session.scalars(select(PlanPrice).where(PlanPrice.id.in_(price_ids)))
    return {row.id: row for row in rows}


def _keep(context: Context, price: Price) -> None:
    assert price.period is not None, "a plan's price is charged by the period"
    values = {
        "id": price.id,
        "plan": price.terms[PLAN],
        "title": price.terms["prepaid_title"],
        "credits": int(price.terms["prepaid_credits"]),
        "parts": int(price.terms.get("prepaid_parts", "1")),
        "once": int(price.terms.get("prepaid_once", "0")),
        "roll_over": int(price.terms["prepaid_roll_over"]),
        "amount_minor": price.amount_minor,
        "currency": price.currency,
        "interval": price.period[0],
        "interval_count": price.period[1],
    }
    session = context.session
    session.execute(insert(session, PlanPrice).values(values).on_conflict_do_nothing())


def monthly_minor(price: PlanPrice, quantity: int) -> int:
    """What the plan brings in each month, in the smallest unit, to the nearest one."""
    yearly = price.amount_minor * quantity * A_YEAR[price.interval] / price.interval_count
    return round(yearly / 12)


def is_larger(price: PlanPrice, quantity: int, than: PlanPrice, than_quantity: int) -> bool:
    """Whether a plan is longer, dearer or gives more, and gives no less for it: then it begins at once.

    No less at a time, and where one of them gives month by month, no less over the time either.
    """
    credits, before = price.credits * quantity, than.credits * than_quantity
    new = (_length(price), price.amount_minor * quantity, credits)
    old = (_length(than), than.amount_minor * than_quantity, before)
    is_less = price.parts * credits * _length(than) < than.parts * before * _length(price)
    if is_less and max(price.parts, than.parts) > 1:
        return False
    return new > old and credits >= before


def _length(price: PlanPrice) -> Fraction:
    """A period in years."""
    return price.interval_count / A_YEAR[price.interval]
