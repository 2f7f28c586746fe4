"""Bring our rows to what Stripe has: one function, whatever happened and whoever tells of it.

Webhooks in any order, the browser's return, ``tick`` and ``reconcile`` all end here. The
subscription is fetched with its schedule and with each invoice that is not settled yet; so an
event that came late, twice or never changes nothing of the end.
"""

from __future__ import annotations

import logging
from datetime import datetime
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from prepaid_ledger.database import insert

from .. import signals
from ..context import Context, Write, nothing, reading, transaction
from ..gateway.billing.invoice_values import StripeInvoice
from ..gateway.billing.subscription_values import Page, StripeSubscription
from ..languages.words import marked
from ..payments.customers.models import Customer
from . import history, prices
from .beginning import trial_cards
from .invoices import invoice_credits
from .models import (
    CARD_HAD_TRIAL,
    ENDED,
    NOT_AT_STRIPE,
    Invoice,
    PlanPrice,
    State,
    Subscription,
)
from .plan_rows import find, lock, running, why_other

log = logging.getLogger(__name__)


def sync(context: Context, stripe_id: str) -> Write[Subscription | None]:
    """Fetch a subscription with its invoices; what is returned brings our row to it. Commits.

    It gives what paid invoices bought, and returns the row; ``None`` if the subscription is none of ours.
    """
    subscription = context.gateway.subscriptions.fetch(stripe_id)
    if subscription is None:
        return nothing
    with reading(context) as session:
        row = find(session, key=subscription.key, stripe_id=stripe_id)
        other = why_other(session, row, subscription) if row else None
        since = invoice_credits.unsettled_since(context, row.id) if row else None
    if other is not None:
        log.error("subscription %s names a plan of ours, and gives nothing: it %s", stripe_id, other)
        return nothing
    bills = context.gateway.invoices.of_subscription(stripe_id, since)
    known = prices.learn(context, _price_ids(subscription, bills))
    if row is not None:
        with transaction(context):
            must_end = trial_cards.must_end(context, row, subscription)
        if must_end:
            subscription = trial_cards.end(context, subscription)
    return partial(_apply, context, row, subscription, bills, known)


def _price_ids(subscription: StripeSubscription, bills: list[StripeInvoice]) -> list[str | None]:
    of_lines = [line.price_id for bill in bills for line in bill.lines if line.is_of_plan]
    planned = subscription.planned
    return [subscription.price_id, planned.price_id if planned else None, *of_lines]


def _adopt(
    context: Context, subscription: StripeSubscription, known: dict[str, PlanPrice]
) -> Subscription | None:
    """The row of a subscription that was begun in Stripe's dashboard, for a customer and a plan of ours.

    An owner who has a plan already gets no second one: it is left for ``reconcile`` to show.
    """
    session = context.session
    owner = session.scalar(select(Customer.owner).where(Customer.stripe_id == subscription.customer_id))
    if owner is None or subscription.price_id not in known:
        return None
    values = {
        "owner": owner,
        "state": State(subscription.status),
        "price_id": subscription.price_id,
        "quantity": subscription.quantity,
        "idempotency_key": f"prepaid-{subscription.id}",
        "stripe_id": subscription.id,
        "created_at": subscription.created_at,
    }
    session.execute(insert(session, Subscription).values(values).on_conflict_do_nothing())
    session.flush()
    row = find(session, stripe_id=subscription.id)
    if row is not None:
        trial_cards.must_end(context, row, subscription)  # it need not: it was given by hand, and is noted
    return row


def _apply(
    context: Context,
    row: Subscription | None,
    subscription: StripeSubscription,
    bills: list[StripeInvoice],
    known: dict[str, PlanPrice],
) -> Subscription | None:
    """Write what was fetched. An older fetch never overwrites a newer one's states."""
    row = row or _adopt(context, subscription, known)
    if row is None:
        return None
    lock(context.session, row.id)
    if _is_replaced(context.session, row):
        log.error("subscription %s is at Stripe, and %s has chosen another plan", row.stripe_id, row.owner)
    elif row.fetched_at is None or row.fetched_at <= subscription.asked_at:
        _apply_states(context, row, subscription, bills, known)
    invoice_credits.apply(context, row, bills, known)
    return row


def _is_replaced(session: Session, row: Subscription) -> bool:
    """Whether it was ended here since Stripe did not have it, and its owner has another one by now."""
    if row.end_reason != NOT_AT_STRIPE or row.state not in ENDED:
        return False
    other = running(session, row.owner)
    return other is not None and other.id != row.id


def _apply_states(
    context: Context,
    row: Subscription,
    subscription: StripeSubscription,
    bills: list[StripeInvoice],
    known: dict[str, PlanPrice],
) -> None:
    before, period, state, trial_end = history.seen(row), row.period_start, row.state, row.trial_end
    is_first = row.fetched_at is None
    _copy(row, subscription, known)
    if row.state is not State.INCOMPLETE and (
        row.state in ENDED or subscription.period_end > context.clock()
    ):
        row.check_at, row.checks = None, 0  # what comes next comes at a time that is known
    context.session.flush()
    _grant_trial(context, row)
    if row.end_reason == CARD_HAD_TRIAL and row.ended_at is not None:
        _end_trial_credits(context, row, row.ended_at)
    elif trial_end is not None and row.trial_end not in (None, trial_end):
        _end_trial_credits(context, row, row.trial_end + context.config.allowance_grace)
    if is_first or before != history.seen(row):
        history.note(context, row, at=_when(context, row, period))
        _announce(context, row, state)
    _announce_unpaid(context, row, state, bills)


def _copy(row: Subscription, subscription: StripeSubscription, known: dict[str, PlanPrice]) -> None:
    planned = (
        subscription.planned if subscription.planned and subscription.planned.price_id in known else None
    )
    row.state = State(subscription.status)
    row.stripe_id = subscription.id
    if subscription.price_id in known:
        row.price_id, row.quantity = subscription.price_id, subscription.quantity
    elif row.state not in ENDED:  # it keeps its last terms here, and ``reconcile`` shows it
        log.error("subscription %s has price %s, which is no plan's", subscription.id, subscription.price_id)
    row.other_items = subscription.other_items
    row.collects, row.collects_again_at = subscription.collects, subscription.collects_again_at
    row.card_id = subscription.card_id
    row.period_start, row.period_end = subscription.period_start, subscription.period_end
    row.anchor_at, row.trial_end = subscription.anchor_at, subscription.trial_end
    row.trial_without_card = subscription.trial_without_card
    row.cancel_at = None if row.state in ENDED else subscription.cancel_at
    row.schedule_id = subscription.schedule_id
    row.next_price_id = planned.price_id if planned else None
    row.next_quantity = planned.quantity if planned else None
    row.next_at = planned.at if planned else None
    row.pending_until = subscription.pending_until
    row.ended_at = subscription.ended_at
    if row.end_reason != CARD_HAD_TRIAL:
        row.end_reason = subscription.end_reason
    row.fetched_at = subscription.asked_at


def _grant_trial(context: Context, row: Subscription) -> None:
    if row.state is not State.TRIALING or not row.trial_credits or row.trial_end is None:
        return
    ends = row.trial_end + context.config.allowance_grace
    if ends <= context.clock():  # heard of too late
        return
    key = f"trial:{row.stripe_id}"
    context.ledger.grant(row.owner, row.trial_credits, key=key, reason=marked("Free trial"), expires_at=ends)


def _end_trial_credits(context: Context, row: Subscription, at: datetime) -> None:
    """The trial was made longer or shorter in Stripe's dashboard, or ended here; so are its credits."""
    context.ledger.move_end(row.owner, key=f"trial:{row.stripe_id}", expires_at=at)


def _when(context: Context, row: Subscription, period_before: datetime | None) -> datetime:
    """Since when it is so, by Stripe's time: its end, the renewal that changed it, or now."""
    if row.ended_at is not None:
        return row.ended_at
    if row.period_start is not None and row.period_start != period_before:
        return row.period_start
    return context.clock()


def _announce(context: Context, row: Subscription, before: State) -> None:
    session = context.session
    plan = {"owner": row.owner, "subscription_id": row.id}
    signals.after_commit(session, signals.plan_changed, before=before, after=row.state, **plan)
    if before not in ENDED and row.state is State.CANCELED and row.end_reason == "payment_failed":
        title = session.get_one(PlanPrice, row.price_id).title
        signals.after_commit(session, signals.plan_ended_unpaid, title=title, ended_at=row.ended_at, **plan)


def _announce_unpaid(context: Context, row: Subscription, before: State, bills: list[StripeInvoice]) -> None:
    """Say that a payment failed: as the plan's state says it first, or as a bank answers a debit by no.

    The caller has not written the invoices yet: the rows tell which of them a bank had not answered.
    """
    refused = [bill for bill in bills if bill.waits_for_payment]
    is_bank_asked = any(bill.under_way for bill in bills)
    if row.state not in (State.PAST_DUE, State.UNPAID, State.INCOMPLETE) or (is_bank_asked and not refused):
        return
    session = context.session
    if before is row.state:
        had_no_answer = select(Invoice.stripe_id).where(
            Invoice.subscription_id == row.id, Invoice.under_way.is_(True)
        )
        if not {bill.id for bill in refused} & set(session.scalars(had_no_answer)):
            return
    signals.after_commit(
        session,
        signals.plan_payment_failed,
        state=row.state,
        page_url=next((bill.page_url for bill in reversed(refused)), None),
        owner=row.owner,
        subscription_id=row.id,
    )


def sync_invoice(context: Context, invoice: StripeInvoice) -> Write[Subscription | None]:
    """Fetch the subscription that an invoice bills; what is returned brings our row to it. Commits."""
    return sync(context, invoice.subscription_id) if invoice.subscription_id else nothing


def id_of_invoice(context: Context, invoice_id: str) -> str | None:
    """Stripe's id of the subscription that an invoice bills, if we know the invoice. Commits."""
    with reading(context) as session:
        return session.scalar(
            select(Subscription.stripe_id)
            .join(Invoice, Invoice.subscription_id == Subscription.id)
            .where(Invoice.stripe_id == invoice_id)
        )


def sync_schedule(context: Context, schedule_id: str) -> Write[Subscription | None]:
    """Fetch the subscription that a schedule changes; what is returned brings our row to it. Commits."""
    stripe_id = context.gateway.schedules.subscription_id(schedule_id)
    return sync(context, stripe_id) if stripe_id else nothing


def sync_intent(context: Context, intent_id: str) -> Write[Subscription | None]:
    """Fetch the subscription that a charge paid for; what is returned brings our row to it. Commits."""
    invoice_id = context.gateway.invoices.id_of_intent(intent_id)
    if invoice_id is None:
        return nothing
    stripe_id = id_of_invoice(context, invoice_id)
    if stripe_id is not None:
        return sync(context, stripe_id)
    invoice = context.gateway.invoices.fetch(invoice_id)
    return sync_invoice(context, invoice) if invoice is not None else nothing


def announce_trial_end(context: Context, write: Write[Subscription | None]) -> None:
    """Write what was fetched, and announce to the host that the trial ends soon."""
    row = write()
    if row is not None and row.state is State.TRIALING:
        signals.after_commit(
            context.session,
            signals.trial_ending,
            owner=row.owner,
            subscription_id=row.id,
            trial_end=row.trial_end,
        )


def sync_page(context: Context, session_id: str) -> Write[Subscription | None]:
    """Fetch a Checkout page that starts a plan; what is returned writes what became of it. Commits.

    Both doors lead here, the webhook and the browser's return.
    """
    page = context.gateway.plan_pages.fetch(session_id)
    if page is None:
        return nothing
    if page.subscription_id is not None:
        return sync(context, page.subscription_id)
    return partial(_apply_unused_page, context, page)


def _apply_unused_page(context: Context, page: Page) -> Subscription | None:
    row = find(context.session, key=page.key, session_id=page.id)
    if row is not None:
        apply_page(context, row, page)
    return row


def apply_page(context: Context, row: Subscription, page: Page) -> None:
    """Write what a page without a subscription says, unless more is known already.

    A row that was given up takes no page that is open: whoever opened it closes it.
    """
    lock(context.session, row.id)
    if page.status == "expired":
        row.session_id, row.page_closed_at = page.id, row.page_closed_at or context.clock()
    elif row.state is not State.EXPIRED:
        row.session_id = page.id
    if row.fetched_at is None and row.state in (State.REQUESTED, State.OPEN):
        row.state = State.EXPIRED if page.status == "expired" else State.OPEN
        if row.state is State.EXPIRED:
            row.check_at = None
    context.session.flush()
