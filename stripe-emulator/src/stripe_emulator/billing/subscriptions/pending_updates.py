"""A change of a subscription that waits for its payment: kept, applied when paid, dropped when not.

https://docs.stripe.com/billing/subscriptions/pending-updates
"""

from __future__ import annotations

from stripe_emulator.api.register import Register
from stripe_emulator.billing.invoices import collection, drafts, invoices
from stripe_emulator.billing.lifecycle import cycle, states
from stripe_emulator.billing.subscriptions import changes
from stripe_emulator.billing.subscriptions.changes import Change
from stripe_emulator.core.database import store
from stripe_emulator.core.time import clock, due_work
from stripe_emulator.core.types import Json
from stripe_emulator.events import events, objects

register = Register()

#: These alone may be changed with ``pending_if_incomplete``.
ALLOWED = {
    "billing_cycle_anchor",
    "discounts",
    "expand",
    "items",
    "metadata",
    "off_session",
    "payment_behavior",
    "proration_behavior",
    "proration_date",
    "trial_end",
    "trial_from_plan",
    "add_invoice_items",
}

#: Fields that go back to what they were while a pending update waits for its payment.
FIELDS = (
    "billing_cycle_anchor",
    "items",
    "trial_end",
    "trial_start",
    "status",
    "_debits",
    "discounts",
)


def collect(subscription: Json, change: Change, before: Json, *, off_session: bool) -> Json:
    """``pending_if_incomplete``: the change waits until its invoice is paid; return the subscription.

    :param before: What ``FIELDS`` were before the change was worked out.
    :param off_session: The customer is not there while it is collected.
    """
    invoice = change.invoice
    assert invoice is not None, "a pending update has an invoice"
    expire(subscription["id"])  # a new one takes the place of the one that waits
    pending_debits = subscription["_debits"]
    objects.change(subscription, _debits=before["_debits"], latest_invoice=invoice["id"])
    subscription["pending_update"] = {"expires_at": 0}
    objects.change(invoice, auto_advance=False)
    invoices.finalize(invoice)
    if invoice["status"] == "open":
        collection.attempt(invoice, off_session=off_session)
    subscription["pending_update"] = None
    if invoice["status"] == "paid":
        changes.show(subscription, change.fields | {"_debits": pending_debits})
        return subscription
    expires = min(clock.now() + states.FIRST_PAYMENT_TIME, cycle.next_renewal(subscription))
    waiting = change.fields | {"_debits": pending_debits}
    states.change(
        subscription,
        pending_update={
            "billing_cycle_anchor": change.fields.get("billing_cycle_anchor"),
            "discount": None,
            "discounts": None,
            "expires_at": expires,
            "metadata": None,
            "subscription_items": change.fields["items"]["data"],
            "trial_end": change.fields.get("trial_end"),
            "trial_from_plan": None,
        },
        _pending={"invoice": invoice["id"], "fields": waiting},
    )
    due_work.schedule(expires, "subscription.pending_update_expires", subscription["id"])
    return subscription


def invoice_paid(invoice: Json) -> None:
    """The invoice of a pending update was paid: now it happens."""
    subscription = drafts.subscription_of(invoice)
    pending = (subscription or {}).get("_pending")
    if subscription is None or not pending or pending["invoice"] != invoice["id"]:
        return
    due_work.unschedule(subscription["id"], "subscription.pending_update_expires")
    changes.show(subscription, pending["fields"] | {"pending_update": None, "_pending": None})
    events.emit("customer.subscription.pending_update_applied", subscription)


@register.due("subscription.pending_update_expires")
def expire(subscription_id: str) -> None:
    """Nobody paid for the change in 23 hours, or until the period's end, or another one is wanted."""
    pending = store.get("subscription", subscription_id).get("_pending")
    if pending and store.get("invoice", pending["invoice"])["status"] == "open":
        invoices.void(store.get("invoice", pending["invoice"]))


def invoice_given_up(invoice: Json) -> None:
    """The invoice of a pending update was voided, by hand or because it took too long: it never happens."""
    subscription = drafts.subscription_of(invoice)
    pending = (subscription or {}).get("_pending")
    if subscription is None or not pending or pending["invoice"] != invoice["id"]:
        return
    due_work.unschedule(subscription["id"], "subscription.pending_update_expires")
    objects.change(subscription, pending_update=None, _pending=None)
    events.emit("customer.subscription.pending_update_expired", subscription)
