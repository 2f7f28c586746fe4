"""Which of Stripe's events we hear, what each does, and the inbox that keeps them.

An event is a poke: what happened is fetched from Stripe, never read from the event.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from sqlalchemy import select, update

from prepaid_ledger import clock
from prepaid_ledger.database import insert

from .. import signals
from ..context import Context
from ..gateway.values import Event
from ..payments.models import InboxEvent
from ..purchases import cards, checkout, refunds
from ..subscriptions import sync

log = logging.getLogger(__name__)

#: Fetches the object that the event is about, then writes, and leaves the commit to the inbox.
Handler = Callable[["Context", str], object]

HEARD: dict[str, Handler] = {}

#: The type of an event that is none of Stripe's: ``doctor`` knocks with it, to see whether it is let in.
VISIT = "prepaid.visit"


def on(*types: str) -> Callable[[Handler], Handler]:
    """Hear events of these types."""

    def register(handler: Handler) -> Handler:
        HEARD.update(dict.fromkeys(types, handler))
        return handler

    return register


@on("checkout.session.completed", "checkout.session.async_payment_succeeded")
def checkout_paid(context: Context, session_id: str) -> None:
    """A card pays at once; a bank debit pays days later, by the second event. Or a plan has begun there."""
    if checkout.settle_checkout(context, session_id) is None:
        sync.settle_page(context, session_id)


@on("checkout.session.async_payment_failed", "checkout.session.expired")
def checkout_came_to_nothing(context: Context, session_id: str) -> None:
    """The bank refused days later, or nobody paid within the page's 24 hours."""
    if checkout.settle_checkout(context, session_id) is None:
        sync.settle_page(context, session_id)


@on("payment_intent.succeeded", "payment_intent.payment_failed", "payment_intent.processing")
def charge_moved(context: Context, intent_id: str) -> None:
    """A charged card has no session; for a Checkout it is one more poke, in case the other gets lost."""
    checkout.settle_intent(context, intent_id)


@on("payment_intent.canceled", "payment_intent.requires_action")
def charge_waits_or_is_closed(context: Context, intent_id: str) -> None:
    """The bank wants its customer, or nobody can pay this any more."""
    checkout.settle_intent(context, intent_id)


@on("refund.created", "refund.updated", "refund.failed")
def money_went_back(context: Context, refund_id: str) -> None:
    """Also when made in Stripe's dashboard, and undone when the bank refuses it days later."""
    refunds.follow_refund(context, refund_id)


@on("charge.refunded")
def charge_was_refunded(context: Context, charge_id: str) -> None:
    """One more poke for the refunds of a charge; since 2022 the event itself lists none."""
    refunds.follow_refunds_of(context, charge_id)


@on(
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "charge.dispute.closed",
)
def bank_objects(context: Context, dispute_id: str) -> None:
    """Created and withdrawn are one loss; a won dispute gives the money back."""
    refunds.follow_dispute(context, dispute_id)


@on(
    "customer.subscription.created",
    "customer.subscription.updated",
    "customer.subscription.deleted",
    "customer.subscription.paused",
    "customer.subscription.resumed",
    "customer.subscription.pending_update_applied",
    "customer.subscription.pending_update_expired",
)
def plan_moved(context: Context, subscription_id: str) -> None:
    """A plan began, changed or ended; also when done in Stripe's dashboard or portal."""
    sync.follow(context, subscription_id)


@on("customer.subscription.trial_will_end")
def trial_ends_soon(context: Context, subscription_id: str) -> None:
    """Three days before, so that a host can write to the customer."""
    sync.remind_of_trial(context, subscription_id)


@on(
    "invoice.finalized",
    "invoice.paid",
    "invoice.payment_succeeded",
    "invoice.payment_failed",
    "invoice.payment_action_required",
    "invoice.voided",
    "invoice.marked_uncollectible",
)
def was_billed(context: Context, invoice_id: str) -> None:
    """A renewal or an upgrade is paid, or not: one more poke for the same look at the whole plan.

    Or Checkout has made the invoice of a purchase.
    """
    if sync.follow_invoice(context, invoice_id) is None:
        checkout.follow_invoice(context, invoice_id)


@on("subscription_schedule.updated", "subscription_schedule.released", "subscription_schedule.canceled")
def plan_is_to_change(context: Context, schedule_id: str) -> None:
    """A change at the period's end was planned, or called off."""
    sync.follow_schedule(context, schedule_id)


@on("payment_method.attached", "payment_method.detached", "payment_method.updated")
def cards_changed(context: Context, card_id: str) -> None:
    """Also when changed in Stripe's dashboard."""
    cards.follow_card(context, card_id)


@on("payment_method.automatically_updated")
def network_renewed_card(context: Context, card_id: str) -> None:
    """The card network told Stripe of a new number or expiry: the customer need do nothing."""
    cards.follow_card(context, card_id)


def keep(context: Context, event: Event) -> None:
    """Put an event into the inbox, once. Commits."""
    session = context.session
    row = {
        "id": event.id,
        "type": event.type,
        "object_id": event.object_id,
        "api_version": event.api_version,
        "livemode": event.livemode,
        "created_at": event.created_at,
        "received_at": clock.wall(),
    }
    session.execute(insert(session, InboxEvent).values(row).on_conflict_do_nothing())
    session.commit()


def handle(context: Context, event: Event) -> bool:
    """Do what the event asks for, unless it was done; whether Stripe may forget it.

    What it does and ``handled_at`` are one transaction. A failure is kept with its
    reason, for an operator and for ``replay``.
    """
    session = context.session
    if session.get_one(InboxEvent, event.id).handled_at is not None:
        session.commit()
        return True
    session.commit()
    try:
        outcome = _do(context, event)
        _note(context, event.id, outcome=outcome, handled_at=clock.wall())
        signals.commit(session)
    except Exception as error:
        log.exception("event %s (%s) failed", event.id, event.type)
        signals.rollback(session)
        _note(context, event.id, outcome=f"{type(error).__name__}: {error}"[:255])
        session.commit()
        return False
    return True


def unhandled(context: Context) -> list[str]:
    """The events that came and were not handled, oldest first."""
    waiting = select(InboxEvent.id).where(InboxEvent.handled_at.is_(None)).order_by(InboxEvent.received_at)
    return list(context.session.scalars(waiting))


def replay(context: Context, event_id: str) -> bool:
    """Run an event of the inbox once more; whether it is handled now."""
    row = context.session.get(InboxEvent, event_id)
    if row is None:
        return False
    row.handled_at = None
    context.session.commit()
    livemode = context.config.livemode if row.livemode is None else row.livemode
    event = Event(row.id, row.type, row.object_id, livemode, row.api_version, row.created_at)
    return handle(context, event)


def _do(context: Context, event: Event) -> str:
    if event.livemode is not context.config.livemode:
        return "ignored: it is of the other mode, test or live"
    handler = HEARD.get(event.type)
    if handler is None or event.object_id is None:
        return "ignored: nothing here hears this type"
    handler(context, event.object_id)
    return "done"


def _note(context: Context, event_id: str, **values: object) -> None:
    attempts = InboxEvent.attempts + 1
    context.session.execute(
        update(InboxEvent).where(InboxEvent.id == event_id).values(attempts=attempts, **values)
    )
