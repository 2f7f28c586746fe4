"""What each Stripe price gives: the terms of a plan, agreed when it was made and kept here."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from sqlalchemy import select

from prepaid_ledger.database import insert

from ..catalog import Plan
from ..context import Context
from ..gateway import subscriptions
from ..gateway.subscription_values import PLAN, Price
from .models import PlanPrice

#: How many of each interval are in twelve months.
A_YEAR: dict[str, Fraction] = {
    "day": Fraction(365),
    "week": Fraction(365, 7),
    "month": Fraction(12),
    "year": Fraction(1),
}


def ensure(context: Context, plan: Plan) -> PlanPrice:
    """The price that stands for the plan as it is sold today, made at Stripe if need be. Commits."""
    session = context.session
    known = session.scalars(
        select(PlanPrice).where(
            PlanPrice.plan == plan.slug,
            PlanPrice.title == plan.title,
            PlanPrice.credits == plan.credits,
            PlanPrice.roll_over == plan.roll_over,
            PlanPrice.amount_minor == plan.amount_minor,
            PlanPrice.currency == plan.currency,
            PlanPrice.interval == plan.interval,
            PlanPrice.interval_count == plan.interval_count,
        )
    ).first()
    session.commit()
    if known is not None:
        return known
    made = subscriptions.mirror_price(context.gateway, plan, terms(plan))
    _keep(context, made)
    return session.get_one(PlanPrice, made.id)


def terms(plan: Plan) -> dict[str, str]:
    """What of a plan Stripe's price does not say by itself; kept there as metadata."""
    return {
        PLAN: plan.slug,
        "prepaid_title": plan.title,
        "prepaid_credits": str(plan.credits),
        "prepaid_roll_over": str(plan.roll_over),
    }


def learn(context: Context, price_ids: Iterable[str | None]) -> dict[str, PlanPrice]:
    """The terms of these prices, fetched where they are not known here yet. Commits.

    A price without our terms, such as one made in the dashboard, is left out.
    """
    session = context.session
    wanted = {price_id for price_id in price_ids if price_id}
    known = {row.id for row in session.scalars(select(PlanPrice).where(PlanPrice.id.in_(wanted)))}
    session.commit()
    for price_id in wanted - known:
        price = subscriptions.fetch_price(context.gateway, price_id)
        if price is not None and PLAN in price.terms:
            _keep(context, price)
    rows = {row.id: row for row in session.scalars(select(PlanPrice).where(PlanPrice.id.in_(wanted)))}
    session.commit()
    return rows


def _keep(context: Context, price: Price) -> None:
    values = {
        "id": price.id,
        "plan": price.terms[PLAN],
        "title": price.terms["prepaid_title"],
        "credits": int(price.terms["prepaid_credits"]),
        "roll_over": int(price.terms["prepaid_roll_over"]),
        "amount_minor": price.amount_minor,
        "currency": price.currency,
        "interval": price.interval,
        "interval_count": price.interval_count,
    }
    session = context.session
    session.execute(insert(session, PlanPrice).values(values).on_conflict_do_nothing())
    session.commit()


def monthly_minor(price: PlanPrice, quantity: int) -> int:
    """What the plan brings in each month, in the smallest unit, to the nearest one."""
    yearly = price.amount_minor * quantity * A_YEAR[price.interval] / price.interval_count
    return round(yearly / 12)


def is_larger(price: PlanPrice, quantity: int, than: PlanPrice, than_quantity: int) -> bool:
    """Whether a plan is longer, dearer or gives more, and gives no less for it: then it begins at once."""
    credits, before = price.credits * quantity, than.credits * than_quantity
    new = (_length(price), price.amount_minor * quantity, credits)
    old = (_length(than), than.amount_minor * than_quantity, before)
    return new > old and credits >= before


def _length(price: PlanPrice) -> Fraction:
    """A period in years."""
    return price.interval_count / A_YEAR[price.interval]
