"""Which of Stripe's events we hear, and what each does.

An event is a notification: what happened is fetched from Stripe, never read from the event.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ..context import Context, Write, nothing
from ..payments.customers import billing_details, removal
from ..purchases import settling
from ..purchases.money_back import credit_notes, refund_sync
from ..purchases.money_back.disputes import dispute_sync, warning_sync
from ..purchases.saved_cards import copies
from ..subscriptions import sync

#: Fetches the object that the event is about; what it returns writes it, in the inbox's transaction.
Handler = Callable[[Context, str], Write[object]]

#: What is done for each type of event; an endpoint need be sent no others.
HEARD: dict[str, Handler] = {}


def on(*types: str) -> Callable[[Handler], Handler]:
    """Hear events of these types."""

    def register(handler: Handler) -> Handler:
        HEARD.update(dict.fromkeys(types, handler))
        return handler

    return register


@on("checkout.session.completed", "checkout.session.async_payment_succeeded")
def checkout_paid(context: Context, session_id: str) -> Write[object]:
    """A card pays at once; a bank debit pays days later, by the second event. Or a plan has begun there."""
    return _sync_page(context, session_id)


@on("checkout.session.async_payment_failed", "checkout.session.expired")
def checkout_came_to_nothing(context: Context, session_id: str) -> Write[object]:
    """The bank refused days later, or nobody paid within the page's 24 hours."""
    return _sync_page(context, session_id)


def _sync_page(context: Context, session_id: str) -> Write[object]:
    page = context.gateway.checkout.fetch(session_id)
    if page is None:
        return nothing
    if page.mode == "subscription":
        return sync.sync_page(context, session_id)
    return partial(settling.settle, context, page)


@on("payment_intent.succeeded", "payment_intent.payment_failed", "payment_intent.processing")
def charge_moved(context: Context, intent_id: str) -> Write[object]:
    """A charged card has no session; for a Checkout it is a second notification, should one get lost."""
    return settling.sync_intent(context, intent_id)


@on("payment_intent.canceled", "payment_intent.requires_action")
def charge_waits_or_is_closed(context: Context, intent_id: str) -> Write[object]:
    """The bank wants its customer, or nobody can pay this any more."""
    return settling.sync_intent(context, intent_id)


@on("refund.created", "refund.updated", "refund.failed")
def refund_changed(context: Context, refund_id: str) -> Write[object]:
    """A refund was made, here or in Stripe's dashboard, or the bank refused it days later."""
    return refund_sync.sync_refund(context, refund_id)


@on("charge.refunded")
def charge_was_refunded(context: Context, charge_id: str) -> Write[object]:
    """A second notification of the refunds of a charge; since 2022 the event itself lists none."""
    return refund_sync.sync_refunds_of(context, charge_id)


@on(
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "charge.dispute.closed",
)
def bank_disputes(context: Context, dispute_id: str) -> Write[object]:
    """Created and withdrawn are one loss; a won dispute gives the money back."""
    return dispute_sync.sync_dispute(context, dispute_id)


@on("radar.early_fraud_warning.created", "radar.early_fraud_warning.updated")
def bank_warns(context: Context, warning_id: str) -> Write[object]:
    """A card's bank suspects a charge; updated once it is refunded or disputed."""
    return warning_sync.sync(context, warning_id)


@on(
    "customer.subscription.created",
    "customer.subscription.updated",
    "customer.subscription.deleted",
    "customer.subscription.paused",
    "customer.subscription.resumed",
    "customer.subscription.pending_update_applied",
    "customer.subscription.pending_update_expired",
)
def plan_moved(context: Context, subscription_id: str) -> Write[object]:
    """A plan began, changed or ended; also when done in Stripe's dashboard or portal."""
    return sync.sync(context, subscription_id)


@on("customer.subscription.trial_will_end")
def trial_ends_soon(context: Context, subscription_id: str) -> Write[object]:
    """Three days before, so that a host can write to the customer."""
    return partial(sync.announce_trial_end, context, sync.sync(context, subscription_id))


@on(
    "invoice.finalized",
    "invoice.paid",
    "invoice.payment_succeeded",
    "invoice.payment_failed",
    "invoice.payment_action_required",
    "invoice.voided",
    "invoice.marked_uncollectible",
)
def was_billed(context: Context, invoice_id: str) -> Write[object]:
    """A renewal or an upgrade is paid, or not: one more reason to sync the whole plan.

    Or it is the invoice of a purchase: Checkout has made it, or a card on file was charged by it.
    """
    stripe_id = sync.id_of_invoice(context, invoice_id)
    if stripe_id is not None:
        return sync.sync(context, stripe_id)
    invoice = context.gateway.invoices.fetch(invoice_id)
    if invoice is None:
        return nothing
    if invoice.subscription_id is not None:
        return sync.sync(context, invoice.subscription_id)
    return settling.sync_invoice(context, invoice)


@on("customer.updated")
def customer_changed(context: Context, customer_id: str) -> Write[object]:
    """Whom invoices are for has changed: on Checkout, in the portal or in Stripe's dashboard."""
    return billing_details.sync(context, customer_id)


@on("customer.deleted")
def customer_is_gone(context: Context, customer_id: str) -> Write[object]:
    """Deleted in Stripe's dashboard: the cards went with it, and our copies of what it had go, too."""
    return removal.sync_deleted(context, customer_id)


@on("customer.tax_id.created", "customer.tax_id.updated", "customer.tax_id.deleted")
def tax_id_changed(context: Context, ref: str) -> Write[object]:
    """A tax id was left, taken away, or looked up in its register."""
    return billing_details.sync_tax_id(context, ref)


@on("credit_note.created", "credit_note.updated", "credit_note.voided")
def was_credited(context: Context, note_id: str) -> Write[object]:
    """An invoice was made smaller in Stripe's dashboard: its credits go with the money."""
    return credit_notes.sync_credit_note(context, note_id)


@on("subscription_schedule.updated", "subscription_schedule.released", "subscription_schedule.canceled")
def plan_is_to_change(context: Context, schedule_id: str) -> Write[object]:
    """A change at the period's end was planned, or called off."""
    return sync.sync_schedule(context, schedule_id)


@on("payment_method.attached", "payment_method.detached", "payment_method.updated")
def cards_changed(context: Context, card_id: str) -> Write[object]:
    """A card was left, taken away or changed, here or in Stripe's dashboard."""
    return copies.sync_card(context, card_id)


@on("payment_method.automatically_updated")
def network_renewed_card(context: Context, card_id: str) -> Write[object]:
    """The card network gave Stripe a new number or expiry: the customer need do nothing."""
    return copies.sync_card(context, card_id)
