"""A subscription's states, as they follow from its invoices, trials and pauses.

https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses
"""

from __future__ import annotations

from stripe_emulator.api.register import Register
from stripe_emulator.billing.invoices import collection, drafts, invoices
from stripe_emulator.billing.lifecycle import entitlements
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest, NotFound, no_such
from stripe_emulator.core.hooks import Hook
from stripe_emulator.core.time import clock, due_work
from stripe_emulator.core.types import Json
from stripe_emulator.events import events, objects

register = Register()

#: States from which nothing leads back.
ENDED = ("canceled", "incomplete_expired")

#: Seconds that a first payment may take.
FIRST_PAYMENT_TIME = 23 * 3600

#: A subscription was canceled.
after_end: Hook[[Json]] = Hook()


def alive(subscription_id: str) -> Json:
    """The subscription that the URL names, on its own clock; one that is over is gone."""
    subscription = store.get("subscription", subscription_id)
    clock.live_with(subscription)
    if subscription["status"] in ENDED:
        raise NotFound(no_such("subscription", subscription_id), code="resource_missing", param="id")
    return subscription


def change(subscription: Json, **fields: object) -> Json:
    """New values for a subscription, with ``customer.subscription.updated``."""
    objects.change(subscription, "customer.subscription.updated", **fields)
    entitlements.sync(subscription)
    return subscription


def must_be_changeable(subscription: Json, form: Json) -> None:
    """:raises InvalidRequest: It is over, and the form changes more than its notes."""
    if subscription["status"] in ENDED and form.keys() - {"metadata", "cancellation_details"}:
        raise InvalidRequest(
            "A canceled subscription can only update its cancellation_details and metadata.",
            code="resource_missing",
        )


def running(subscription: Json) -> str:
    """What a subscription is once nothing is owed: trialing or active."""
    trial_end = subscription["trial_end"]
    return "trialing" if trial_end is not None and trial_end > clock.now() else "active"


def end(subscription: Json, *, reason: str, details: Json | None = None) -> Json:
    """Cancel at this moment. Open invoices stay, but nobody collects them any more."""
    due_work.unschedule(subscription["id"])
    for invoice in store.select("invoice", {"subscription": subscription["id"], "status": ["draft", "open"]}):
        due_work.unschedule(invoice["id"])
        objects.change(
            invoice, auto_advance=False, next_payment_attempt=None, automatically_finalizes_at=None
        )
    kept = dict(subscription["cancellation_details"] or {})
    objects.change(
        subscription,
        canceled_at=subscription["canceled_at"] or clock.now(),
        cancellation_details=kept | (details or {}) | {"reason": kept.get("reason") or reason},
        ended_at=clock.now(),
        pending_update=None,
        status="canceled",
    )
    events.emit("customer.subscription.deleted", subscription)
    entitlements.sync(subscription)
    after_end(subscription)
    return subscription


def end_all_of(customer: Json) -> None:
    """The customer is about to be deleted: nobody is left to pay."""
    for subscription in store.select("subscription", {"customer": customer["id"]}):
        if subscription["status"] not in ENDED:
            end(subscription, reason="cancellation_requested")


def invoice_paid(invoice: Json) -> None:
    """An invoice of the subscription was paid: it runs, or runs again."""
    subscription = drafts.subscription_of(invoice)
    if subscription is None:
        return
    status = subscription["status"]
    if status == "incomplete":
        due_work.unschedule(subscription["id"], "subscription.expire")
        change(subscription, status=running(subscription))
    elif status in ("past_due", "unpaid") and _owes_nothing(subscription):
        _clear_delinquent(subscription["customer"])
        change(subscription, status=running(subscription))


def invoice_given_up(invoice: Json) -> None:
    """An invoice that nobody wants paid any more leaves its subscription in peace."""
    subscription = drafts.subscription_of(invoice)
    if subscription is None:
        return
    if subscription["status"] == "incomplete" and invoice["billing_reason"] == "subscription_create":
        if invoice["status"] == "void":
            _expire(subscription)
        else:
            change(subscription, status="active")
    elif subscription["status"] in ("past_due", "unpaid") and _owes_nothing(subscription):
        change(subscription, status=running(subscription))


def payment_failed(invoice: Json, last: bool) -> None:
    """A renewal was not paid: past due, and at the end of all retries what the settings say."""
    subscription = drafts.subscription_of(invoice)
    if subscription is None or subscription["status"] in (*ENDED, "incomplete", "paused"):
        return
    objects.change(store.get("customer", invoice["customer"]), "customer.updated", delinquent=True)
    if not last:
        if subscription["status"] != "unpaid" and not subscription["pending_update"]:
            change(subscription, status="past_due")
        return
    outcome = collection.dunning()["end"]
    if outcome == "cancel":
        end(subscription, reason="payment_failed")
    else:
        change(subscription, status=outcome)


def invoice_overdue(invoice: Json) -> None:
    """An invoice that was sent is not paid in time: past due, and much later what the settings say."""
    payment_failed(invoice, last=False)
    moment = clock.now() + collection.dunning()["overdue_days"] * clock.DAY
    due_work.schedule(moment, "invoice.long_overdue", invoice["id"])


@register.due("invoice.long_overdue")
def long_overdue(invoice_id: str) -> None:
    """Nobody paid what was sent, long after its due date."""
    invoice = store.get("invoice", invoice_id)
    if invoice["status"] == "open":
        payment_failed(invoice, last=True)


def _owes_nothing(subscription: Json) -> bool:
    """Whether the latest invoice no longer asks for money."""
    latest = store.find("invoice", subscription["latest_invoice"])
    return latest is None or latest["status"] in ("paid", "void", "uncollectible")


def _clear_delinquent(customer_id: str) -> None:
    owed = store.select("invoice", {"customer": customer_id, "status": "open"})
    if not any(invoice["attempted"] for invoice in owed):
        objects.change(store.get("customer", customer_id), "customer.updated", delinquent=False)


@register.due("subscription.expire")
def first_payment_too_late(subscription_id: str) -> None:
    """Nobody paid the first invoice within 23 hours."""
    subscription = store.get("subscription", subscription_id)
    if subscription["status"] != "incomplete":
        return
    invoice = store.get("invoice", subscription["latest_invoice"])
    _expire(subscription)
    if invoice["status"] == "open":
        invoices.void(invoice)


def _expire(subscription: Json) -> None:
    due_work.unschedule(subscription["id"])
    change(subscription, status="incomplete_expired", ended_at=clock.now())
