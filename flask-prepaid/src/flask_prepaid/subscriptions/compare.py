"""Plans at Stripe and here, side by side; ``reconcile`` shows what differs and mends it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from sqlalchemy import select

from ..context import Context
from ..gateway.billing.subscription_values import StripeSubscription
from ..payments.customers.models import Customer
from . import plan_rows
from .models import ENDED, Invoice, InvoiceState, State, Subscription

#: Kind, id of the subscription at Stripe, our payment if one is concerned, and what differs.
Difference = tuple[str, str, int | None, str]


def differences(context: Context, since: datetime | None, seen: Callable[[], None]) -> Iterator[Difference]:
    """What differs, as ``reconcile`` names it. One that began before ``since`` is left alone."""
    met: set[str] = set()
    for subscription in context.gateway.subscriptions.all(since):
        seen()
        met.add(subscription.id)
        yield from _of_subscription(context, subscription)
    mine = select(Subscription).where(Subscription.stripe_id.is_not(None), Subscription.state.not_in(ENDED))
    for row in context.session.scalars(mine.where(Subscription.created_at >= since) if since else mine).all():
        assert row.stripe_id is not None
        if row.stripe_id not in met and context.gateway.subscriptions.fetch(row.stripe_id) is None:
            detail = f"{row.owner} has a plan here that is not at Stripe: flask prepaid connect --end-plans"
            yield "unpaid", row.stripe_id, None, detail


def _of_subscription(context: Context, subscription: StripeSubscription) -> Iterator[Difference]:
    session = context.session
    row = plan_rows.find(session, key=subscription.key, stripe_id=subscription.id)
    if row is not None and (other := plan_rows.why_other(session, row, subscription)) is not None:
        if State(subscription.status) not in ENDED:
            yield (
                "doubled",
                subscription.id,
                None,
                f"it names the plan of {row.owner}, and {other}: cancel it",
            )
        return
    if row is None:
        owner = session.scalar(select(Customer.owner).where(Customer.stripe_id == subscription.customer_id))
        if owner is not None and State(subscription.status) not in ENDED:
            kind = "missed" if plan_rows.running(session, owner) is None else "doubled"
            yield kind, subscription.id, None, f"{owner} has a plan at Stripe that is not here"
        return
    session.refresh(row)
    same = (
        *("price_id", "quantity", "other_items", "period_end", "cancel_at"),
        *("collects", "collects_again_at", "trial_without_card"),
    )
    differs = [name for name in same if getattr(row, name) != getattr(subscription, name)]
    if row.state != subscription.status:
        yield "drifted", subscription.id, None, f"it is {subscription.status}; here it is {row.state}"
    elif differs and row.state not in ENDED:
        name = differs[0]
        there, here = getattr(subscription, name), getattr(row, name)
        yield "drifted", subscription.id, None, f"{name.replace('_', ' ')} is {there}; here {here}"
    yield from _invoices(context, row, subscription)


def _invoices(context: Context, row: Subscription, subscription: StripeSubscription) -> Iterator[Difference]:
    known = {
        invoice.stripe_id: invoice
        for invoice in context.session.scalars(select(Invoice).where(Invoice.subscription_id == row.id))
    }
    for bill in context.gateway.invoices.of_subscription(subscription.id):
        invoice = known.get(bill.id)
        if bill.status == InvoiceState.PAID and (invoice is None or invoice.credits is None):
            yield "missed", subscription.id, None, f"invoice {bill.id} is paid, and its credits are not given"
        elif bill.status != InvoiceState.PAID and invoice is not None and invoice.credits is not None:
            yield "unpaid", subscription.id, invoice.payment_id, f"invoice {bill.id} gave credits for nothing"
