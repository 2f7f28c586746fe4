"""Canceling at once, with or without money back. https://docs.stripe.com/billing/subscriptions/cancel"""

from __future__ import annotations

from stripe_emulator.billing.invoices import collection, drafts, invoices
from stripe_emulator.billing.lifecycle import cycle, proration, states
from stripe_emulator.billing.metering import usage
from stripe_emulator.core.database import store
from stripe_emulator.core.time import clock
from stripe_emulator.core.types import Json
from stripe_emulator.events import events, objects


def cancel(subscription: Json, form: Json) -> Json:
    """End a subscription now, as ``DELETE /v1/subscriptions/{id}`` asks."""
    given = form.get("cancellation_details") or {}
    details = {key: value or None for key, value in given.items()}
    invoice = bill_end(subscription, prorate=form.get("prorate", False), now=form.get("invoice_now", False))
    if invoice is not None:
        invoices.finalize(invoice)
        if invoice["status"] == "open":
            collection.attempt(invoice)
    if subscription["status"] == "incomplete":
        first = store.get("invoice", subscription["latest_invoice"])
        if first["status"] == "open":
            return _called_off(subscription, first, details)
    return states.end(subscription, reason="cancellation_requested", details=details)


def bill_end(subscription: Json, *, prorate: bool, now: bool) -> Json | None:
    """Credit the unused time if wanted; the draft of a last invoice, or None.

    With neither, prorations that still wait are dropped; otherwise they stay for a later invoice.
    """
    customer = store.get("customer", subscription["customer"])
    if prorate:
        for item in subscription["items"]["data"]:
            proration.credit(subscription, customer, item, clock.now())
        objects.change(subscription, _debits={})
    if not now:
        if not prorate:
            _drop_prorations(subscription)
        return None
    waiting = drafts.take_pending(customer, subscription["currency"], subscription)
    waiting += [
        cycle.used(subscription, item, item["current_period_start"], clock.now())
        for item in subscription["items"]["data"]
        if usage.is_metered(item["price"])
    ]
    if not waiting:
        return None
    invoice = drafts.new(
        customer,
        subscription["currency"],
        "subscription_update",
        waiting,
        subscription=subscription,
        **cycle.collecting(subscription),
    )
    objects.change(subscription, latest_invoice=invoice["id"])
    events.emit("invoice.created", invoice)
    return invoice


def _drop_prorations(subscription: Json) -> None:
    for item in store.select("invoiceitem", {"customer": subscription["customer"], "invoice": None}):
        if item["proration"] and drafts.owner_of(item) == subscription["id"]:
            objects.delete(item, "invoiceitem.deleted")


def _called_off(subscription: Json, invoice: Json, details: Json) -> Json:
    """A subscription that was never paid: its invoice goes with it."""
    states.end(subscription, reason="cancellation_requested", details=details)
    invoices.void(invoice)
    return subscription
