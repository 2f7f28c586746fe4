"""Bring our rows to what Stripe has: one function, whatever happened and whoever tells of it.

Webhooks in any order, the browser's return, ``tick`` and ``reconcile`` all end here. The
subscription is fetched with its schedule and with each invoice that is not settled yet; so an
event that came late, twice or never changes nothing of the end.
"""

from __future__ import annotations

import logging
from datetime import datetime

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from prepaid_ledger.database import insert

from .. import signals
from ..context import Context
from ..gateway import subscriptions
from ..gateway.subscription_values import Bill, Page, Subscribed
from ..payments.models import Customer
from . import history, invoice_credits, prices, trial_cards
from .models import CARD_HAD_TRIAL, ENDED, Invoice, PlanPrice, State, Subscription

log = logging.getLogger(__name__)


def find(
    session: Session, *, key: str | None = None, stripe_id: str | None = None, session_id: str | None = None
) -> Subscription | None:
    """The row that an object of Stripe's is about, by its id or by the key in its metadata."""
    names = [
        column == value
        for column, value in (
            (Subscription.idempotency_key, key),
            (Subscription.stripe_id, stripe_id),
            (Subscription.session_id, session_id),
        )
        if value
    ]
    if not names:
        return None
    return session.scalars(select(Subscription).where(or_(*names)).order_by(Subscription.id)).first()


def running(session: Session, owner: str) -> Subscription | None:
    """The owner's subscription that has not ended."""
    mine = select(Subscription).where(Subscription.owner == owner, Subscription.state.not_in(ENDED))
    return session.scalars(mine.execution_options(populate_existing=True)).one_or_none()


def follow(context: Context, stripe_id: str) -> Subscription | None:
    """Bring our row to what Stripe has, and give what paid invoices bought; ``None`` if it is none of ours.

    Stripe is asked before anything is written. Writes, and does not commit.
    """
    session = context.session
    subscribed = subscriptions.fetch(context.gateway, stripe_id)
    if subscribed is None:
        return None
    row = find(session, key=subscribed.key, stripe_id=stripe_id)
    since = invoice_credits.unsettled_since(context, row.id) if row else None
    session.commit()  # no connection waits while Stripe is asked
    bills = subscriptions.bills(context.gateway, stripe_id, since)
    known = prices.learn(context, _price_ids(subscribed, bills))
    row = row or adopt(context, subscribed, known)
    if row is not None:
        if trial_cards.is_spent(context, row, subscribed):
            subscribed = trial_cards.end(context, subscribed)
        apply(context, row, subscribed, bills, known)
    return row


def _price_ids(subscribed: Subscribed, bills: list[Bill]) -> list[str | None]:
    named = [line.price_id for bill in bills for line in bill.lines if line.is_of_plan]
    return [subscribed.price_id, subscribed.planned.price_id if subscribed.planned else None, *named]


def adopt(context: Context, subscribed: Subscribed, known: dict[str, PlanPrice]) -> Subscription | None:
    """The row of a subscription that was begun in Stripe's dashboard, for a customer and a plan of ours.

    An owner who has a plan already gets no second one: it is left for ``reconcile`` to show.
    """
    session = context.session
    owner = session.scalar(select(Customer.owner).where(Customer.stripe_id == subscribed.customer_id))
    if owner is None or subscribed.price_id not in known:
        return None
    values = {
        "owner": owner,
        "state": State(subscribed.status),
        "price_id": subscribed.price_id,
        "quantity": subscribed.quantity,
        "idempotency_key": f"prepaid-{subscribed.id}",
        "stripe_id": subscribed.id,
        "created_at": subscribed.created_at,
    }
    session.execute(insert(session, Subscription).values(values).on_conflict_do_nothing())
    session.flush()
    return find(session, stripe_id=subscribed.id)


def apply(
    context: Context,
    row: Subscription,
    subscribed: Subscribed,
    bills: list[Bill],
    known: dict[str, PlanPrice],
) -> None:
    """Write what was fetched. An older fetch never overwrites a newer one's states. Does not commit."""
    session = context.session
    lock(session, row)
    before, period, state, trial_end = history.seen(row), row.period_start, row.state, row.trial_end
    is_first = row.fetched_at is None
    if is_first or row.fetched_at <= subscribed.asked_at:  # type: ignore[operator]
        _copy(row, subscribed, known)
        if row.state is not State.INCOMPLETE and (
            row.state in ENDED or subscribed.period_end > context.clock()
        ):
            row.look_at, row.looks = None, 0  # what comes next comes at a time that is known
        session.flush()
        _grant_trial(context, row)
        if row.end_reason == CARD_HAD_TRIAL and row.ended_at is not None:
            _end_trial_credits(context, row, row.ended_at)
        elif trial_end is not None and row.trial_end not in (None, trial_end):
            _end_trial_credits(context, row, row.trial_end + context.config.allowance_grace)
        if is_first or before != history.seen(row):
            history.note(context, row, at=_when(context, row, period))
            _tell(context, row, state, bills)
    invoice_credits.follow(context, row, bills, known)


def lock(session: Session, row: Subscription) -> None:
    """Keep every other writer off the row until the transaction ends, and see it as it now is."""
    session.execute(update(Subscription).where(Subscription.id == row.id).values(id=row.id))
    session.refresh(row)


def _copy(row: Subscription, subscribed: Subscribed, known: dict[str, PlanPrice]) -> None:
    planned = subscribed.planned if subscribed.planned and subscribed.planned.price_id in known else None
    row.state = State(subscribed.status)
    row.stripe_id = subscribed.id
    if subscribed.price_id in known:
        row.price_id, row.quantity = subscribed.price_id, subscribed.quantity
    elif row.state not in ENDED:  # it keeps its last terms here, and ``reconcile`` shows it
        log.error("subscription %s has price %s, which is no plan's", subscribed.id, subscribed.price_id)
    row.other_items = subscribed.other_items
    row.collects, row.collects_again_at = subscribed.collects, subscribed.collects_again_at
    row.card_id = subscribed.card_id
    row.period_start, row.period_end = subscribed.period_start, subscribed.period_end
    row.trial_end = subscribed.trial_end
    row.cancel_at = None if row.state in ENDED else subscribed.cancel_at
    row.schedule_id = subscribed.schedule_id
    row.next_price_id = planned.price_id if planned else None
    row.next_quantity = planned.quantity if planned else None
    row.next_at = planned.at if planned else None
    row.pending_until = subscribed.pending_until
    row.ended_at = subscribed.ended_at
    if row.end_reason != CARD_HAD_TRIAL:
        row.end_reason = subscribed.end_reason
    row.fetched_at = subscribed.asked_at


def _grant_trial(context: Context, row: Subscription) -> None:
    if row.state is not State.TRIALING or not row.trial_credits or row.trial_end is None:
        return
    context.ledger.grant(
        row.owner,
        row.trial_credits,
        key=f"trial:{row.stripe_id}",
        reason="Trial",
        expires_at=row.trial_end + context.config.allowance_grace,
    )


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


def _tell(context: Context, row: Subscription, before: State, bills: list[Bill]) -> None:
    session = context.session
    told = {"owner": row.owner, "subscription_id": row.id}
    signals.after_commit(session, signals.plan_changed, before=before, after=row.state, **told)
    if before is not row.state and row.state in (State.PAST_DUE, State.UNPAID, State.INCOMPLETE):
        owed = next((bill.page_url for bill in reversed(bills) if bill.status == "open"), None)
        signals.after_commit(session, signals.plan_payment_failed, state=row.state, page_url=owed, **told)
    if before not in ENDED and row.state is State.CANCELED and row.end_reason == "payment_failed":
        title = session.get_one(PlanPrice, row.price_id).title
        told |= {"title": title, "ended_at": row.ended_at}
        signals.after_commit(session, signals.plan_ended_unpaid, **told)


def follow_invoice(context: Context, invoice_id: str) -> Subscription | None:
    """As ``follow``, for an event that names an invoice."""
    known = context.session.scalar(
        select(Subscription.stripe_id)
        .join(Invoice, Invoice.subscription_id == Subscription.id)
        .where(Invoice.stripe_id == invoice_id)
    )
    context.session.commit()
    stripe_id = known or subscriptions.of_invoice(context.gateway, invoice_id)
    return follow(context, stripe_id) if stripe_id else None


def follow_schedule(context: Context, schedule_id: str) -> Subscription | None:
    """As ``follow``, for an event that names a schedule."""
    stripe_id = subscriptions.of_schedule(context.gateway, schedule_id)
    return follow(context, stripe_id) if stripe_id else None


def follow_intent(context: Context, intent_id: str) -> Subscription | None:
    """As ``follow``, for the PaymentIntent that paid an invoice."""
    invoice_id = subscriptions.invoice_of_intent(context.gateway, intent_id)
    return follow_invoice(context, invoice_id) if invoice_id else None


def remind_of_trial(context: Context, stripe_id: str) -> None:
    """Follow, and tell the host that the trial ends soon. Does not commit."""
    row = follow(context, stripe_id)
    if row is not None and row.state is State.TRIALING:
        signals.after_commit(
            context.session,
            signals.trial_ending,
            owner=row.owner,
            subscription_id=row.id,
            trial_end=row.trial_end,
        )


def settle_page(context: Context, session_id: str) -> Subscription | None:
    """What became of a Checkout page that starts a plan; ``None`` if it is none of ours. Does not commit.

    Both doors lead here, the webhook and the browser's return.
    """
    page = subscriptions.fetch_page(context.gateway, session_id)
    if page is None:
        return None
    if page.subscription_id is not None:
        return follow(context, page.subscription_id)
    row = find(context.session, key=page.key, session_id=session_id)
    if row is not None:
        follow_page(context, row, page)
    return row


def follow_page(context: Context, row: Subscription, page: Page) -> None:
    """Note what a page without a subscription says, unless more is known already. Does not commit.

    A row that was given up takes no page that is open: whoever opened it closes it.
    """
    lock(context.session, row)
    if page.status == "expired":
        row.session_id, row.page_closed_at = page.id, row.page_closed_at or context.clock()
    elif row.state is not State.EXPIRED:
        row.session_id = page.id
    if row.fetched_at is None and row.state in (State.REQUESTED, State.OPEN):
        row.state = State.EXPIRED if page.status == "expired" else State.OPEN
        if row.state is State.EXPIRED:
            row.look_at = None
    context.session.flush()
