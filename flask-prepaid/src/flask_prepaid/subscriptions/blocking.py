"""The plan of a customer whom the host has shut out: nothing is charged, until they are let in again.

The plan itself stays. A period that begins meanwhile is not charged, and gives no credits; nor is one that
was billed before, and is over by the time they are let in.
https://docs.stripe.com/billing/subscriptions/pause-payment
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import exists, func, select, text, union_all, update
from sqlalchemy.orm import Session

from ..context import Context, reading, refuse_uncommitted, transaction, write_now
from ..gateway.billing.invoice_values import StripeInvoice
from ..gateway.values import moment
from ..payments.customers.models import Customer
from . import plan_rows, retries, sync
from .invoices.worth import whole_period
from .models import Invoice, InvoiceState, State, Subscription

#: A plan of one who is shut out by the host's own means is stopped so long before it renews.
AHEAD = timedelta(hours=2)

#: The host is asked about so many plans in one tick, those first that are charged next.
AT_ONCE = 500

#: Plans that Stripe charges by itself.
CHARGED = (State.TRIALING, State.ACTIVE, State.PAST_DUE)

#: Invoices that Stripe collects by itself.
COLLECTED = (InvoiceState.DRAFT, InvoiceState.OPEN)

#: One is billed already, and Stripe charges it by itself: a draft within the hour, an open one by a retry.
COLLECTS = Invoice.state.in_(COLLECTED), Invoice.retry_at.is_not(None)
IS_BILLED = exists().where(Invoice.subscription_id == Subscription.id, *COLLECTS)


def due(context: Context, *, limit: int = AT_ONCE) -> list[str]:
    """The owners whose plan is charged soon, or was stopped here: the host says whether they are shut out."""
    is_charged = Subscription.state.in_(CHARGED)
    renews = Subscription.period_end < context.clock() + AHEAD
    next_charge = union_all(
        select(Subscription.id, Subscription.period_end.label("at")).where(is_charged, renews),
        select(Subscription.id, Subscription.period_end).where(Subscription.state == State.PAST_DUE),
        select(Invoice.subscription_id, Invoice.retry_at).where(*COLLECTS),
    ).subquery()
    first = (
        select(Subscription.owner)
        .join(next_charge, next_charge.c.id == Subscription.id)
        .where(is_charged, Subscription.stripe_id.is_not(None))
        .group_by(Subscription.id, Subscription.owner)
        .order_by(func.min(next_charge.c.at), Subscription.id)
        .limit(limit)
    )
    stopped = select(Customer.owner).where(text("charges_stopped")).order_by(Customer.owner)
    session = context.session
    owners = [*session.scalars(first), *session.scalars(stopped)]
    return list(dict.fromkeys(owners))


def check(context: Context, owner: str) -> None:
    """Stop the owner's plan, or let it go on, as the host says. Commits.

    :raises GatewayUnavailable: Stripe did not answer. ``tick`` does it.
    """
    refuse_uncommitted(context)
    with reading(context) as session:
        was_stopped = _is_stopped(session, owner)
        blocked = context.is_blocked(owner)  # the host's function
    if blocked:
        _stop(context, owner)
    elif was_stopped:
        _go_on(context, owner)


def _is_stopped(session: Session, owner: str) -> bool:
    return bool(session.scalar(select(Customer.charges_stopped).where(Customer.owner == owner)))


def _plan(session: Session, owner: str) -> tuple[str, bool] | None:
    """The owner's plan at Stripe, and whether it is charged; ``None`` where nothing charges by itself."""
    plan = plan_rows.running(session, owner)
    if plan is None or plan.stripe_id is None or plan.state not in CHARGED:
        return None
    return plan.stripe_id, plan.collects


def _stop(context: Context, owner: str) -> None:
    """Stop the plan, and what is billed of it; also where an earlier try has done only the first of both."""
    with transaction(context) as session:
        plan = _plan(session, owner)
        is_half_done = plan is not None and _is_stopped(session, owner) and _is_billed(session, plan[0])
        if plan is None or not (plan[1] or is_half_done):
            return
        _mark(session, owner, stopped=True)  # before Stripe is asked: whoever lets them in again finds it
    stripe_id, collects = plan
    if collects:
        context.gateway.subscriptions.stop_collecting(stripe_id)
    for bill in _uncollected(context, stripe_id):
        context.gateway.invoices.collect_by_itself(bill.id, False)
    write_now(context, sync.sync(context, stripe_id))


def _is_billed(session: Session, stripe_id: str) -> bool:
    billed = select(Subscription.id).where(Subscription.stripe_id == stripe_id, IS_BILLED)
    return session.scalar(billed) is not None


def _go_on(context: Context, owner: str) -> None:
    """Let the plan be charged again, also one that was paused meanwhile: it may go on one day."""
    with reading(context) as session:
        plan = plan_rows.running(session, owner)
        stripe_id = plan.stripe_id if plan is not None else None
    if stripe_id is not None:
        context.gateway.subscriptions.collect_again(stripe_id)
        _let_go_on(context, stripe_id)
    with transaction(context) as session:
        _mark(session, owner, stopped=False)
        retries.note_owed(session, owner)


def _mark(session: Session, owner: str, *, stopped: bool) -> None:
    session.execute(update(Customer).where(Customer.owner == owner).values(charges_stopped=stopped))


def _let_go_on(context: Context, stripe_id: str) -> None:
    """Let Stripe collect what is billed, without a period that is over: nobody could use it. Commits."""
    for bill in _uncollected(context, stripe_id):
        period = whole_period(bill.lines)
        if period is None or moment(period[1]) > context.clock():
            context.gateway.invoices.collect_by_itself(bill.id, True)
        elif bill.due_minor and not bill.under_way:  # made final, one that costs nothing more would be paid
            if bill.status == InvoiceState.DRAFT:
                context.gateway.invoices.make_final(bill.id)
            context.gateway.invoices.void(bill.id)
    write_now(context, sync.sync(context, stripe_id))


def _uncollected(context: Context, stripe_id: str) -> list[StripeInvoice]:
    bills = context.gateway.invoices.of_subscription(stripe_id)
    return [bill for bill in bills if bill.status in COLLECTED]
