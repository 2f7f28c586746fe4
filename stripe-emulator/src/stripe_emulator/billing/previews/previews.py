"""The invoice that would follow: whatever is asked is really done, shown, and undone.

So a preview equals its invoice, as long as both name the same ``proration_date``.
https://docs.stripe.com/api/invoices/create_preview
"""

from __future__ import annotations

import itertools

from stripe_emulator.billing.invoices import drafts, invoiceitems
from stripe_emulator.billing.lifecycle import cycle, endings, start, states
from stripe_emulator.billing.schedules import phases, schedule_changes
from stripe_emulator.billing.subscriptions import changes, pauses
from stripe_emulator.billing.terms import terms
from stripe_emulator.core.database import store, undo
from stripe_emulator.core.errors import InvalidRequest, NotEmulated, NotFound, only_one_of
from stripe_emulator.core.time import clock
from stripe_emulator.core.types import Json, copied
from stripe_emulator.core.wire import public
from stripe_emulator.payments.customers import customers

#: Parts of ``subscription_details`` that an update of a subscription takes, too.
CHANGES = (
    "billing_cycle_anchor",
    "cancel_at",
    "cancel_at_period_end",
    "default_tax_rates",
    "items",
    "metadata",
    "proration_behavior",
    "proration_date",
    "trial_end",
)

#: Parameters of which one says what is previewed.
NAMES = {
    "customer",
    "customer_details",
    "invoice_items",
    "schedule",
    "schedule_details",
    "subscription",
    "subscription_details",
}


def preview(form: Json) -> Json:
    """The upcoming invoice, as ``POST /v1/invoices/create_preview`` answers it.

    :raises NotFound: No invoice would follow.
    """
    with undo.rehearsal():
        invoice = copied(public(_rehearse(form)))
    return cycle.as_upcoming(invoice)


def _rehearse(form: Json) -> Json:
    details = form.get("subscription_details") or {}
    _must_name_one(form)
    terms.refuse_what_is_missing(details)
    subscription = _subscription(form)
    customer = _customer(form, subscription)
    clock.live_with(customer)
    for number, item in enumerate(form.get("invoice_items") or []):
        _add_item(item, customer, subscription, f"invoice_items[{number}]")
    if "schedule" in form or form.get("schedule_details"):
        subscription = schedule_changes.rehearse(form, customer) or subscription
    if subscription is not None:
        return _next_of(subscription, customer, details, form)
    if details.get("items"):
        _, invoice = start.subscribe(customer, _started(details, form))
        return invoice
    return _next_of_customer(customer, form)


def _must_name_one(form: Json) -> None:
    """:raises InvalidRequest: Nothing says what to preview, or a schedule and a subscription both do."""
    for schedule, subscription in itertools.product(
        ("schedule", "schedule_details"), ("subscription", "subscription_details")
    ):
        if form.get(schedule) and form.get(subscription):
            raise only_one_of(schedule, subscription, param=schedule)
    if not form.keys() & NAMES:
        raise InvalidRequest(
            "You must specify one of customer, customer_details, subscription or schedule.",
            code="parameter_missing",
            param="customer",
        )


def _next_of(subscription: Json, customer: Json, details: Json, form: Json) -> Json:
    """What follows for a subscription: its change's invoice if it makes one, else the renewal's."""
    if subscription["status"] in states.ENDED:
        raise _nothing(customer)
    if details.get("resume_at"):
        return pauses.resumption(subscription)
    if details.get("cancel_now"):
        prorate = details.get("proration_behavior", "create_prorations") != "none"
        last = endings.bill_end(subscription, prorate=prorate, now=True)
        if last is None:
            raise _nothing(customer)
        return last
    wanted = {key: details[key] for key in CHANGES if key in details}
    if "discounts" in form:
        wanted["discounts"] = form["discounts"]
    alone = form.get("preview_mode") == "recurring"
    if alone:
        _forget_what_waits(subscription, customer)
    if wanted:
        change = changes.make(subscription, wanted)
        if change.invoice is not None and alone and details.get("proration_behavior") != "none":
            raise NotEmulated("preview_mode=recurring with prorations", param="preview_mode")
        if change.invoice is not None:
            return change.invoice
        changes.show(subscription, change.fields)
    return _renewal(subscription, customer, form)


def _forget_what_waits(subscription: Json, customer: Json) -> None:
    for line in drafts.take_pending(customer, subscription["currency"], subscription):
        item = drafts.source_item(line)
        assert item is not None, "what waits is an invoice item"
        store.remove(item)


def _renewal(subscription: Json, customer: Json, form: Json) -> Json:
    if (billed := _billed_by_phases(subscription)) is not None:
        return billed
    renewal = cycle.next_renewal(subscription)
    cancel_at = subscription["cancel_at"]
    if cancel_at is not None and cancel_at <= renewal:
        raise _nothing(customer)
    with clock.at(max(renewal, clock.now())):
        phases.enter_due(subscription)
        if subscription["status"] in states.ENDED:
            raise _nothing(customer)
        return cycle.bill_next(subscription, recurring_only=form.get("preview_mode") == "recurring")


def _billed_by_phases(subscription: Json) -> Json | None:
    """The invoice of a schedule's phase that begins before the renewal, if it makes one."""
    before, moment = subscription["latest_invoice"], clock.now()
    while (begins := phases.next_start(subscription, moment)) is not None:
        if begins >= cycle.next_renewal(subscription):
            return None
        moment = begins
        with clock.at(moment):
            phases.enter_due(subscription)
        if subscription["latest_invoice"] != before:
            return store.get("invoice", subscription["latest_invoice"])
    return None


def _next_of_customer(customer: Json, form: Json) -> Json:
    """The soonest renewal among a customer's subscriptions, or what waits without one."""
    running = [
        subscription
        for subscription in store.select("subscription", {"customer": customer["id"]})
        if subscription["status"] in ("active", "trialing", "past_due") and not subscription["cancel_at"]
    ]
    if running:
        return _renewal(min(running, key=cycle.next_renewal), customer, form)
    currency: str = form.get("currency") or customer["currency"] or "usd"
    waiting = drafts.take_pending(customer, currency, None)
    if not waiting:
        raise _nothing(customer)
    return drafts.new(customer, currency, "manual", waiting)


def _subscription(form: Json) -> Json | None:
    if "subscription" in form:
        return store.named("subscription", form["subscription"], "subscription")
    return None


def _customer(form: Json, subscription: Json | None) -> Json:
    """Who would pay: named, the subscription's, or someone made up from ``customer_details``."""
    if "customer" in form:
        return store.named("customer", form["customer"], "customer")
    if subscription is not None:
        return store.get("customer", subscription["customer"])
    if "schedule" in form:
        schedule = store.named("subscription_schedule", form["schedule"], "schedule")
        return store.get("customer", schedule["customer"])
    given = form.get("customer_details") or {}
    known = {key: given[key] for key in ("address", "shipping", "tax_exempt") if given.get(key)}
    return customers.new(known)


def _add_item(item: Json, customer: Json, subscription: Json | None, param: str) -> None:
    if "invoiceitem" in item:
        invoiceitem = store.named("invoiceitem", item["invoiceitem"], f"{param}[invoiceitem]")
        invoiceitems.change(invoiceitem, {key: value for key, value in item.items() if key != "invoiceitem"})
        return
    named = {"pricing": {"price": item["price"]}} if "price" in item else {}
    owner = {"subscription": subscription["id"]} if subscription is not None else {}
    invoiceitems.new({**item, **named, **owner}, customer, None)


def _started(details: Json, form: Json) -> Json:
    """A preview of a subscription that does not exist, as a request for one."""
    wanted = {
        "items": details["items"],
        "automatic_tax": form.get("automatic_tax"),
        "discounts": form.get("discounts") or [],
        "default_tax_rates": details.get("default_tax_rates"),
    }
    anchor = details.get("billing_cycle_anchor")
    if isinstance(anchor, dict) and anchor.get("type") == "timestamp":
        wanted["billing_cycle_anchor"] = anchor["timestamp"]
    for name in ("billing_mode", "proration_behavior", "trial_end"):
        if name in details:
            wanted[name] = details[name]
    return wanted


def _nothing(customer: Json) -> NotFound:
    return NotFound(f"No upcoming invoices for customer: {customer['id']}", code="invoice_upcoming_none")
