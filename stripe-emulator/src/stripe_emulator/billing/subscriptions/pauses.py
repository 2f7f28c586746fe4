"""Pausing a subscription and taking it up again. https://docs.stripe.com/billing/subscriptions/pause"""

from __future__ import annotations

from stripe_emulator.api.register import Register
from stripe_emulator.billing.invoices import collection, drafts, invoices
from stripe_emulator.billing.lifecycle import cycle, endings, states
from stripe_emulator.billing.subscriptions import changes
from stripe_emulator.billing.terms import items
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.time import clock, due_work, periods
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import without_effect
from stripe_emulator.events import events, objects

register = Register()


def pause(subscription: Json, form: Json) -> Json:
    """Stop the service: nothing renews until it is resumed.

    :raises InvalidRequest: It does not run.
    """
    if subscription["status"] not in ("active", "trialing", "past_due"):
        raise InvalidRequest(
            f"You cannot pause a subscription that is {subscription['status']}.", param="subscription"
        )
    without_effect(form, "type")  # there is but one
    unused = ((form.get("bill_for") or {}).get("unused_time_from") or {}).get("type", "none")
    at_once = form.get("invoicing_behavior", "pending_invoice_item") == "invoice"
    if unused != "none":
        invoice = endings.bill_end(subscription, prorate=True, now=at_once)
        if invoice is not None:
            invoices.finalize(invoice)
    before = subscription["status"]
    objects.change(subscription, status="paused")
    cycle.plan_ahead(subscription)
    events.emit("customer.subscription.paused", subscription, previous={"status": before})
    return subscription


def resume(subscription: Json, form: Json) -> Json:
    """Take a paused subscription up again: in a new period from now, or in the one that runs.

    :raises InvalidRequest: It is not paused.
    """
    _must_be_paused(subscription)
    behavior = form.get("payment_behavior")
    anchor = form.get("billing_cycle_anchor") or {"type": "now"}
    kind = anchor["type"] if isinstance(anchor, dict) else anchor
    invoice = _bill(
        subscription, resets=kind == "now", behavior=form.get("proration_behavior", "create_prorations")
    )
    if invoice is None:
        states.change(subscription, status="active")
        events.emit("customer.subscription.resumed", subscription)
        cycle.plan_ahead(subscription)
        return subscription
    objects.change(subscription, _resuming=invoice["id"], latest_invoice=invoice["id"])
    invoices.finalize(invoice)
    if invoice["status"] == "open":
        collection.attempt(invoice)
    if invoice["status"] == "open" and behavior == "resume_on_payment_attempt":
        states.change(subscription, status="past_due", _resuming=None)
    if subscription["status"] == "paused":
        due_work.schedule(
            clock.now() + states.FIRST_PAYMENT_TIME, "subscription.resume_expires", subscription["id"]
        )
    cycle.plan_ahead(subscription)
    return subscription


def resumption(subscription: Json) -> Json:
    """The draft of the period that begins where a paused subscription is taken up again now.

    :raises InvalidRequest: It is not paused.
    """
    _must_be_paused(subscription)
    invoice = _bill(subscription, resets=True, behavior="create_prorations")
    assert invoice is not None, "each of its items begins a period"
    return invoice


def _must_be_paused(subscription: Json) -> None:
    if subscription["status"] != "paused":
        raise InvalidRequest(
            "You can only resume subscriptions that are paused. If you want to resume collection, unset"
            " pause_collection.",
            param="subscription",
        )


def _bill(subscription: Json, *, resets: bool, behavior: str) -> Json | None:
    """The invoice of a resumption, or None where the running period is already paid."""
    customer = store.get("customer", subscription["customer"])
    data = [dict(item) for item in subscription["items"]["data"]]
    now = clock.now()
    fields: Json = {"items": items.as_list(subscription["id"], data)}
    if resets:
        fields["billing_cycle_anchor"] = now
    anchor = now if resets else subscription["billing_cycle_anchor"]
    running = all(item["current_period_end"] > now for item in data)
    if not resets and running:
        return None
    for item in data:
        item["current_period_start"], item["current_period_end"] = periods.of_price(item["price"]).around(
            now, anchor
        )
    objects.change(subscription, **fields)
    if behavior == "none" and not resets:
        return None
    return changes.bill_change(subscription, customer, {}, resets=True)


def invoice_paid(invoice: Json) -> None:
    """The invoice of a resumption was paid."""
    subscription = drafts.subscription_of(invoice)
    if subscription is None or subscription.get("_resuming") != invoice["id"]:
        return
    due_work.unschedule(subscription["id"], "subscription.resume_expires")
    states.change(subscription, status="active", _resuming=None)
    events.emit("customer.subscription.resumed", subscription)
    cycle.plan_ahead(subscription)


@register.due("subscription.resume_expires")
def resume_too_late(subscription_id: str) -> None:
    """Nobody paid for the resumption within 23 hours: it stays paused."""
    subscription = store.get("subscription", subscription_id)
    if subscription["status"] == "paused" and subscription.get("_resuming"):
        invoice = store.get("invoice", subscription["_resuming"])
        objects.change(subscription, _resuming=None)
        if invoice["status"] == "open":
            invoices.void(invoice)
