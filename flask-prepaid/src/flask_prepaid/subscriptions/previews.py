"""What a change of plan would cost and give, and what the next charge will be.

A larger plan begins at once: its invoice charges the rest of the period, and what it gives is
known before. A smaller one begins when the period ends, and can be undone until then.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import select

from .. import money
from ..catalog import Plan
from ..context import Context, reading
from ..errors import PlanRefused
from ..gateway.billing.invoice_values import StripeInvoice
from ..gateway.billing.subscription_values import PriceChoice, StripeSubscription
from ..gateway.values import moment
from . import plan_state, prices
from .beginning import beginnings
from .invoices.billed import known_of
from .invoices.worth import whole_period, worth
from .models import Invoice, InvoiceState, PlanPrice, State, Subscription

#: How long a preview holds, and how far our clock may be ahead of Stripe's.
PREVIEW_HOLDS = timedelta(minutes=15)
CLOCKS_DIFFER = timedelta(minutes=1)


@dataclass(frozen=True)
class Preview:
    """What a change would cost and give. Amounts in the smallest unit of ``currency``.

    ``proration_date`` travels with the form, so that the change is computed as it was shown.
    ``unused_minor`` is what is given back of the plan that runs, and already off ``due_minor``; 0 also where
    the invoice has more to it than that and the new plan: a balance, or what was owed before.
    ``next_at`` is when the next payment is due, ``next_minor`` how much it is, with ``later_minor`` in it:
    what is owed by then and is too little to charge alone.
    """

    plan: Plan
    quantity: int
    at_once: bool
    starts_at: datetime
    proration_date: int
    due_minor: int
    unused_minor: int
    credits: int
    next_at: datetime
    next_minor: int
    later_minor: int
    currency: str


@prices.sold_at_stripe()
def preview(
    context: Context, owner: str, plan: Plan, quantity: int = 1, *, proration_date: int | None = None
) -> Preview:
    """What it costs and gives to change to ``plan``, now and next. Changes nothing.

    :param proration_date: Unix seconds of an earlier preview; now by default.
    :raises PlanRefused: The plan can't be changed now, or the earlier preview is too old.
    """
    row, subscription = plan_state.fetch(context, owner, "change")
    price = target(context, row, plan, quantity)
    now = context.clock()
    since = int(now.timestamp()) if proration_date is None else proration_date
    _check_age(now, since, subscription)
    with reading(context):
        wanted, currency = (price.id, quantity), price.currency
        immediate = at_once(context, row, price, quantity)
        in_trial = row.state is State.TRIALING
    bill, credits, next_at = None, 0, subscription.period_end
    if immediate and not in_trial:  # nothing is owed for a trial, and nothing given back
        bill = context.gateway.invoices.preview(
            subscription.id,
            items=subscription.changed_to(wanted),
            proration_behavior="always_invoice",
            proration_date=since,
        )
        assert bill is not None, "a plan that runs has a next invoice"
        credits = _worth(context, row, bill)
        if begun := whole_period(bill.lines):
            next_at = moment(begun[1])
    renewal = _preview_renewal(context, subscription, wanted, plan, next_at, bill)
    return Preview(
        plan=plan,
        quantity=quantity,
        at_once=immediate,
        starts_at=now if immediate else subscription.period_end,
        proration_date=since,
        due_minor=bill.due_minor if bill else 0,
        unused_minor=_unused_minor(bill) if bill else 0,
        credits=credits,
        next_at=next_at,
        next_minor=_due_next(context, row, renewal, bill.left_minor if bill else renewal.balance_minor),
        later_minor=max(bill.left_minor, 0) if bill else 0,
        currency=currency,
    )


def _preview_renewal(
    context: Context,
    subscription: StripeSubscription,
    wanted: PriceChoice,
    plan: Plan,
    next_at: datetime,
    bill: StripeInvoice | None,
) -> StripeInvoice:
    """The first whole period that ``plan`` renews after a change to it; ``bill`` charges one made at once.

    Where its interval is another one, Stripe shows the period that would begin now, which costs as much.
    """
    discount_ids = _left_at(context, subscription, next_at, bill)
    if subscription.schedule_id is not None:
        return context.gateway.schedules.preview_renewal(
            subscription, wanted, plan.period, at_once=bill is not None, discount_ids=discount_ids
        )
    renewal = context.gateway.invoices.preview(
        subscription.id,
        alone=bill is not None,
        discount_ids=discount_ids,
        items=subscription.changed_to(wanted),
        proration_behavior="none",
    )
    assert renewal is not None, "a plan that runs has a next invoice"
    return renewal


def _left_at(
    context: Context, subscription: StripeSubscription, at: datetime, bill: StripeInvoice | None
) -> list[str]:
    """The discounts that an invoice at ``at`` still gets, after ``bill`` has used those that are for once."""
    if not subscription.discount_ids:
        return []
    used = frozenset[str]().union(*(line.discount_ids for line in bill.lines)) if bill else frozenset()
    return [
        discount.id
        for discount in context.gateway.subscriptions.discounts(subscription.id)
        if (discount.end is None or discount.end > at) and not (discount.once and discount.id in used)
    ]


def _unused_minor(bill: StripeInvoice) -> int:
    """What the invoice of a change gives back, if it holds nothing but that and one charge."""
    lines = [line for line in bill.lines if line.counts]
    given_back = [line for line in lines if line.gives_back and line.is_of_plan]
    if (len(lines), len(given_back)) != (2, 1) or bill.total_minor != bill.due_minor:
        return 0
    return -given_back[0].with_tax_minor


def _worth(context: Context, row: Subscription, bill: StripeInvoice) -> int:
    terms = prices.learn(context, [line.price_id for line in bill.lines if line.is_of_plan])
    with reading(context):
        return worth(bill.lines, known_of(context, row, terms)).credits


def at_once(context: Context, row: Subscription, price: PlanPrice, quantity: int) -> bool:
    """Whether a change begins now: to a larger plan, or as long as nothing was paid."""
    current = context.session.get_one(PlanPrice, row.price_id)
    return row.state is State.TRIALING or prices.is_larger(price, quantity, current, row.quantity)


def target(context: Context, row: Subscription, plan: Plan, quantity: int) -> PlanPrice:
    """The price to change to. Commits.

    :raises PlanRefused: The plan can't be changed to it.
    """
    beginnings.check_quantity(plan, quantity)
    with reading(context) as session:
        current = session.get_one(PlanPrice, row.price_id)
    price = prices.ensure(context, plan.sold_in(current.currency))
    with reading(context):
        if price.currency != current.currency:
            raise PlanRefused("That plan is sold in another currency. End yours first, then choose it.")
        if (price.id, quantity) == (row.price_id, row.quantity):
            raise PlanRefused("That is the plan you have.")
    return price


def _check_age(now: datetime, proration_date: int, subscription: StripeSubscription) -> None:
    """A preview of long ago, of a time to come, or of a period that is over, would charge another sum."""
    age = int(now.timestamp()) - proration_date
    holds = -CLOCKS_DIFFER.total_seconds() <= age <= PREVIEW_HOLDS.total_seconds()
    if not holds or moment(proration_date) < subscription.period_start:
        raise PlanRefused("This preview is too old. Look at the new one first.")


def next_bill(context: Context, row: Subscription) -> StripeInvoice | None:
    """The next charge as it would be, to the smallest unit; ``None`` if nothing follows. Commits."""
    with reading(context):
        renews = row.state in plan_state.MOVES["keep"] and not (
            plan_state.ends_unrenewed(row) or plan_state.is_stopped(row)
        )
        stripe_id = row.stripe_id
    if stripe_id is None or not renews:
        return None
    bill = context.gateway.invoices.preview(stripe_id)
    return bill and replace(bill, due_minor=_due_next(context, row, bill, bill.balance_minor))


def resumption_minor(context: Context, row: Subscription) -> int | None:
    """What is charged where a paused plan is resumed in a new period, to the smallest unit. Commits.

    With its coupon, its tax, and the customer's balance at Stripe. ``None`` where it is not paused, owes for
    that already, or has a period that is paid and still runs.
    """
    with reading(context):
        stripe_id = row.stripe_id
        pauses = plan_state.may(row, "unpause") and plan_state.owed(context, row) is None
        begins_anew = pauses and plan_state.is_over(context, row)
    if stripe_id is None or not begins_anew:
        return None
    bill = context.gateway.invoices.preview(stripe_id, resume_at="now")
    return None if bill is None else money.charged(bill.balance_minor + bill.total_minor, bill.currency)


def _due_next(context: Context, row: Subscription, renewal: StripeInvoice, balance_minor: int) -> int:
    """What a renewal charges, with the customer's balance at Stripe as it is now.

    In the hour after the last one its invoice is still a draft, and will take what it needs of the balance,
    which Stripe's preview of the next one does not know.
    """
    draft = select(Invoice.total_minor).where(
        Invoice.subscription_id == row.id, Invoice.state == InvoiceState.DRAFT, Invoice.retry_at.is_not(None)
    )
    for total_minor in context.session.scalars(draft):
        owed = balance_minor + total_minor
        balance_minor = owed - money.charged(owed, renewal.currency)
    return money.charged(balance_minor + renewal.total_minor, renewal.currency)
