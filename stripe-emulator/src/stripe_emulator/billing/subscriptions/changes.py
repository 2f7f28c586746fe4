"""What a change makes of a subscription: its new fields, what is prorated, what is billed at once.

Nothing is collected here: ``updates`` and ``pauses`` do that.

https://docs.stripe.com/billing/subscriptions/change
"""

from __future__ import annotations

from dataclasses import dataclass

from stripe_emulator.billing.invoices import drafts, lines
from stripe_emulator.billing.lifecycle import cycle, proration, start, states
from stripe_emulator.billing.subscriptions import change_forms, usage_left
from stripe_emulator.billing.terms import items, terms
from stripe_emulator.catalog.discounts import discounts
from stripe_emulator.core.database import store
from stripe_emulator.core.time import clock, due_work, periods
from stripe_emulator.core.types import Json
from stripe_emulator.events import events


@dataclass
class Change:
    """What an update did: the values to show, and the draft to collect, if any."""

    fields: Json
    invoice: Json | None


def make(subscription: Json, form: Json) -> Change:
    """Work out an update: prorations become invoice items, what is due at once a draft."""
    terms.refuse_what_is_missing(form)
    customer = store.get("customer", subscription["customer"])
    fields = change_forms.kept(subscription, form, customer)
    data = items.changed(subscription, form.get("items") or [], customer)
    items.check_mode(data, subscription["billing_mode"])
    fields |= items.shown(subscription["id"], data)
    trial_end = change_forms.trial_end(subscription, form)
    since = change_forms.proration_date(subscription, form)
    behavior = form.get("proration_behavior", "create_prorations")
    resets = _resets_anchor(subscription, form, data, trial_end)
    usage_left.bill(subscription, customer, data, resets=resets)
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
    due_work.unschedule(subscription["id"], "subscription.resume_collection")
    if resumes is not None:
        due_work.schedule(resumes, "subscription.resume_collection", subscription["id"])


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
    return bool(
        before["price"]["id"] == after["price"]["id"] and before.get("quantity") == after.get("quantity")
    )


def _resets_anchor(subscription: Json, form: Json, data: list[Json], trial_end: int | None) -> bool:
    """Whether the change starts new periods now: asked for, another interval, or the trial's end.

    A request that also ends a trial that there is not keeps the anchor in flexible billing: so Stripe
    answered it in recorded traffic. The item's period is then the one that runs by that anchor.
    """
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
    keeps = form.get("trial_end") == "now" and subscription["billing_mode"]["type"] == "flexible"
    if _changes_interval(subscription, data) and not keeps:
        return True
    before = _intervals(subscription["items"]["data"])
    for item in data:
        is_new = item["current_period_start"] is None
        if is_new or before.get(item["id"]) != periods.of_price(item["price"]):
            items.place(item, subscription["billing_cycle_anchor"], clock.now())
    return False


def _changes_interval(subscription: Json, data: list[Json]) -> bool:
    """Whether an item is paid by other periods from now on."""
    before, after = _intervals(subscription["items"]["data"]), _intervals(data)
    return any(before[name] != after[name] for name in before.keys() & after.keys())


def _intervals(data: list[Json]) -> dict[str, periods.Interval]:
    return {item["id"]: periods.of_price(item["price"]) for item in data}


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
