"""A subscription is changed: what is kept, what is prorated, what is billed at once.

https://docs.stripe.com/billing/subscriptions/change
"""

from __future__ import annotations

from dataclasses import dataclass

from stripe_emulator.api.register import Register
from stripe_emulator.billing import (
    collection,
    cycle,
    drafts,
    invoices,
    items,
    lines,
    proration,
    start,
    states,
    terms,
)
from stripe_emulator.catalog import discounts
from stripe_emulator.core import clock, periods, store
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.store import Json
from stripe_emulator.events import events, objects

register = Register()

#: Parameters that are kept as they come; "" empties them.
KEPT = (
    "collection_method",
    "days_until_due",
    "default_payment_method",
    "default_source",
    "description",
    "off_session",
    "pause_collection",
    "pending_invoice_item_interval",
)

#: With ``pending_if_incomplete``, these alone may be changed.
PENDING_ALLOWS = {
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
PENDING_FIELDS = (
    "billing_cycle_anchor",
    "items",
    "trial_end",
    "trial_start",
    "status",
    "_debits",
    "discounts",
)


@dataclass
class Change:
    """What an update did: the values to show, and the draft to collect, if any."""

    fields: Json
    invoice: Json | None


def update(subscription: Json, form: Json) -> Json:
    """Change a subscription as a request asks, and collect what is due at once.

    :raises InvalidRequest: Something in the form can't be.
    :raises NothingKept: The payment failed and the request asked for all or nothing.
    """
    behavior = form.get("payment_behavior", "allow_incomplete")
    if behavior == "pending_if_incomplete" and (other := sorted(form.keys() - PENDING_ALLOWS)):
        raise InvalidRequest(
            f"{other[0]} can't be passed with payment_behavior=pending_if_incomplete.", param=other[0]
        )
    before = {key: subscription[key] for key in PENDING_FIELDS}
    change = make(subscription, form)
    if change.invoice is None:
        show(subscription, change.fields)
        return subscription
    if behavior == "pending_if_incomplete":
        return _collect_first(subscription, change, before)
    collect(subscription, change, behavior)
    return subscription


def make(subscription: Json, form: Json) -> Change:
    """Work out an update: prorations become invoice items, what is due at once a draft."""
    terms.refuse_what_is_missing(form)
    customer = store.get("customer", subscription["customer"])
    fields = kept(subscription, form, customer)
    data = items.changed(subscription, form.get("items") or [], customer)
    fields["items"] = items.as_list(subscription["id"], data)
    trial_end = _trial_end(subscription, form)
    since = _proration_date(subscription, form)
    behavior = form.get("proration_behavior", "create_prorations")
    resets = _resets_anchor(subscription, form, data, trial_end)
    if trial_end is not None and trial_end > clock.now():
        return _into_trial(subscription, customer, fields, data, trial_end, behavior)
    if (
        trial_end is not None
        and subscription["status"] == "trialing"
        and not cycle.leaves_trial(subscription)
    ):
        return Change(fields | {"trial_end": clock.now()}, None)
    if trial_end is not None:
        fields |= {"trial_end": clock.now(), "status": "active"}
    if behavior != "none":
        discounted = {**subscription, "discounts": fields.get("discounts", subscription["discounts"])}
        subscription["_debits"] = _prorate(discounted, customer, data, since, resets=resets)
    if resets:
        fields["billing_cycle_anchor"] = clock.now()
        for item in data:
            items.place(item, clock.now(), clock.now())
    start.add_invoice_items(subscription, customer, form)
    wants_invoice = resets or behavior == "always_invoice"
    invoice = bill_change(subscription, customer, fields, resets=resets) if wants_invoice else None
    return Change(fields, invoice)


def show(subscription: Json, fields: Json) -> None:
    """Put the new values on the subscription, with its event, and plan what comes next."""
    if "discounts" in fields:
        fields = fields | {"discounts": discounts.without_spent(fields["discounts"])}
    states.change(subscription, **fields)
    cycle.plan_ahead(subscription)
    resumes = (subscription["pause_collection"] or {}).get("resumes_at")
    clock.unschedule(subscription["id"], "subscription.resume_collection")
    if resumes is not None:
        clock.schedule(resumes, "subscription.resume_collection", subscription["id"])


def collect(subscription: Json, change: Change, behavior: str) -> None:
    """Finalize and collect the invoice of a change, then show the change."""
    invoice = change.invoice
    assert invoice is not None, "nothing to collect"
    fields = change.fields | {"latest_invoice": invoice["id"]}
    objects.change(subscription, latest_invoice=invoice["id"])
    if subscription["collection_method"] == "send_invoice":
        collection.advance_later(invoice)
        show(subscription, fields)
        return
    objects.change(invoice, auto_advance=True)
    invoices.finalize(invoice)
    error = None
    if invoice["status"] == "open" and behavior == "default_incomplete":
        collection.prepare(invoice)
        fields["status"] = "past_due"
    elif invoice["status"] == "open":
        error = collection.attempt(invoice)
        if behavior == "error_if_incomplete" and invoice["status"] != "paid":
            raise collection.refused(invoice, error)
        if invoice["status"] == "open":
            fields["status"] = "past_due"
    show(subscription, fields)


def bill_change(subscription: Json, customer: Json, fields: Json, *, resets: bool) -> Json | None:
    """The draft of what is due at once: prorations that wait, and whole periods that start now."""
    after = {**subscription, **fields}
    waiting = drafts.take_pending(customer, subscription["currency"], subscription)
    started = [lines.of_period(after, item) for item in after["items"]["data"]] if resets else []
    if not waiting and not started:
        return None
    invoice = drafts.new(
        customer,
        subscription["currency"],
        "subscription_update",
        [*waiting, *started],
        subscription=after,
        **cycle.collecting(subscription),
    )
    subscription["_debits"] = dict(subscription["_debits"]) | cycle.debited(invoice)
    proration.remember_lines(subscription, invoice)
    events.emit("invoice.created", invoice)
    return invoice


def _collect_first(subscription: Json, change: Change, before: Json) -> Json:
    """``pending_if_incomplete``: the change waits until its invoice is paid."""
    invoice = change.invoice
    assert invoice is not None, "a pending update has an invoice"
    expire_pending(subscription["id"])  # a new one takes the place of the one that waits
    pending_debits = subscription["_debits"]
    objects.change(subscription, _debits=before["_debits"], latest_invoice=invoice["id"])
    subscription["pending_update"] = {"expires_at": 0}
    objects.change(invoice, auto_advance=False)
    invoices.finalize(invoice)
    if invoice["status"] == "open":
        collection.attempt(invoice)
    subscription["pending_update"] = None
    if invoice["status"] == "paid":
        show(subscription, change.fields | {"_debits": pending_debits})
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
    clock.schedule(expires, "subscription.pending_update_expires", subscription["id"])
    return subscription


def apply_pending(invoice: Json) -> None:
    """The invoice of a pending update was paid: now it happens."""
    subscription = drafts.subscription_of(invoice)
    pending = (subscription or {}).get("_pending")
    if subscription is None or not pending or pending["invoice"] != invoice["id"]:
        return
    clock.unschedule(subscription["id"], "subscription.pending_update_expires")
    show(subscription, pending["fields"] | {"pending_update": None, "_pending": None})
    events.emit("customer.subscription.pending_update_applied", subscription)


@register.due("subscription.pending_update_expires")
def expire_pending(subscription_id: str) -> None:
    """Nobody paid for the change in 23 hours, or until the period's end, or another one is wanted."""
    pending = store.get("subscription", subscription_id).get("_pending")
    if pending and store.get("invoice", pending["invoice"])["status"] == "open":
        invoices.void(store.get("invoice", pending["invoice"]))


def drop_pending(invoice: Json) -> None:
    """The invoice of a pending update was voided, by hand or because it took too long: it never happens."""
    subscription = drafts.subscription_of(invoice)
    pending = (subscription or {}).get("_pending")
    if subscription is None or not pending or pending["invoice"] != invoice["id"]:
        return
    clock.unschedule(subscription["id"], "subscription.pending_update_expires")
    objects.change(subscription, pending_update=None, _pending=None)
    events.emit("customer.subscription.pending_update_expired", subscription)


def _prorate(subscription: Json, customer: Json, data: list[Json], since: int, *, resets: bool) -> Json:
    """Credit what is given up and debit what is new, per item that changed; the debits after it."""
    debits = dict(subscription["_debits"])
    before = {item["id"]: item for item in subscription["items"]["data"]}
    after = {item["id"]: item for item in data}
    for name, item in before.items():
        new = after.get(name)
        if new is not None and not resets and _costs_the_same(item, new):
            continue
        proration.credit(subscription, customer, item, since)
        debits.pop(name, None)
        if new is not None and not resets:
            debits[name] = _debit(subscription, customer, new, since)
    for name, item in after.items():
        if name not in before:
            if item["current_period_start"] is None:
                items.place(item, subscription["billing_cycle_anchor"], since)
            if not resets:
                debits[name] = _debit(subscription, customer, item, since)
    return debits


def _debit(subscription: Json, customer: Json, item: Json, since: int) -> list[Json]:
    """Nothing is owed for time in a trial."""
    if subscription["status"] == "trialing" and since < (subscription["trial_end"] or 0):
        return []
    return proration.debit(subscription, customer, item, since)


def _costs_the_same(before: Json, after: Json) -> bool:
    return bool(before["price"]["id"] == after["price"]["id"] and before["quantity"] == after["quantity"])


def _resets_anchor(subscription: Json, form: Json, data: list[Json], trial_end: int | None) -> bool:
    """Whether the change starts new periods now: asked for, another interval, or the trial's end."""
    if trial_end is not None:
        return trial_end <= clock.now()
    if subscription["status"] == "trialing":
        for item in data:
            item["current_period_start"] = item["current_period_start"] or clock.now()
            item["current_period_end"] = subscription["trial_end"]
        return False
    anchor = form.get("billing_cycle_anchor")
    kind = anchor.get("type") if isinstance(anchor, dict) else anchor  # older versions send the word
    if kind == "now":
        return True
    before = {item["id"]: periods.of_price(item["price"]) for item in subscription["items"]["data"]}
    moved = any(
        item["id"] in before and before[item["id"]] != periods.of_price(item["price"]) for item in data
    )
    for item in data:
        if item["current_period_start"] is None and not moved:
            items.place(item, subscription["billing_cycle_anchor"], clock.now())
    return moved


def _into_trial(
    subscription: Json, customer: Json, fields: Json, data: list[Json], trial_end: int, behavior: str
) -> Change:
    """A trial begins or is moved: what was paid for the rest of the period comes back."""
    if behavior != "none" and subscription["status"] != "trialing":
        for item in subscription["items"]["data"]:
            proration.credit(subscription, customer, item, clock.now())
        subscription["_debits"] = {}
    fields |= {
        "billing_cycle_anchor": trial_end,
        "status": "trialing",
        "trial_end": trial_end,
        "trial_start": subscription["trial_start"] or clock.now(),
    }
    for item in data:
        item["current_period_start"] = item["current_period_start"] or clock.now()
        item["current_period_end"] = trial_end
    invoice = (
        bill_change(subscription, customer, fields, resets=False) if behavior == "always_invoice" else None
    )
    return Change(fields, invoice)


def _trial_end(subscription: Json, form: Json) -> int | None:
    """The moment that the form wants a trial to end, or None if it says nothing of it."""
    wanted = form.get("trial_end")
    if wanted is None:
        return None
    if wanted == "now":
        return clock.now() if subscription["status"] == "trialing" else None
    return terms.check_trial_end(wanted)


def _proration_date(subscription: Json, form: Json) -> int:
    moment: int = form.get("proration_date", clock.now())
    data = subscription["items"]["data"]
    first = min(item["current_period_start"] for item in data)
    last = max(item["current_period_end"] for item in data)
    if "proration_date" in form and not first <= moment <= last:
        raise InvalidRequest(
            f"Cannot specify proration date outside of current subscription period ({first} - {last}).",
            param="proration_date",
        )
    return moment


def kept(subscription: Json, form: Json, customer: Json) -> Json:
    """What an update changes besides items and periods: payment, texts, discounts, cancellation."""
    fields = objects.patch(subscription, form, KEPT)
    fields.pop("off_session", None)
    if form.get("default_payment_method"):
        terms.check_method(form["default_payment_method"], customer)
    if fields.get("pause_collection"):
        fields["pause_collection"] = {"resumes_at": None} | fields["pause_collection"]
    if fields.get("pending_invoice_item_interval"):
        fields["pending_invoice_item_interval"] = terms.interval(form["pending_invoice_item_interval"])
    if "default_tax_rates" in form:
        fields["default_tax_rates"] = items.tax_rates(form["default_tax_rates"], "default_tax_rates")
    for name in ("invoice_settings", "payment_settings", "trial_settings"):
        if form.get(name):
            fields[name] = (subscription[name] or {}) | form[name]
    if "discounts" in form or form.get("coupon") or form.get("promotion_code"):
        wanted = discounts.redeem_all(
            terms.discount_forms(form), customer, "discounts", subscription=subscription["id"]
        )
        fields["discounts"] = discounts.without_spent(wanted)
    return fields | _cancellation(subscription, form)


def _cancellation(subscription: Json, form: Json) -> Json:
    """``cancel_at_period_end`` and ``cancel_at``, set or taken back."""
    fields: Json = {}
    if "cancellation_details" in form:
        given = {key: value or None for key, value in form["cancellation_details"].items()}
        fields["cancellation_details"] = (subscription["cancellation_details"] or {}) | given
    if "cancel_at_period_end" not in form and "cancel_at" not in form:
        return fields
    if subscription["schedule"]:
        raise InvalidRequest(
            f"The subscription is managed by the subscription schedule `{subscription['schedule']}`, and"
            " updating any cancelation behavior directly is not allowed. Please update the schedule instead.",
            param="cancel_at_period_end",
        )
    details = fields.get("cancellation_details") or subscription["cancellation_details"] or {}
    at_end = form.get("cancel_at_period_end", False)
    moment = terms.cancel_at(form, cycle.next_renewal(subscription))
    if moment is not None and moment <= clock.now() and not at_end:
        raise InvalidRequest("cancel_at must be in the future.", param="cancel_at")
    wanted = moment is not None
    return fields | {
        "cancel_at": moment,
        "cancel_at_period_end": at_end,
        "canceled_at": clock.now() if wanted else None,
        "cancellation_details": details | {"reason": "cancellation_requested" if wanted else None},
    }
