"""How ``changes`` reads the form of a change: its dates and fields; ``items`` reads the items."""

from __future__ import annotations

from stripe_emulator.billing.invoices import automatic_tax
from stripe_emulator.billing.lifecycle import cycle
from stripe_emulator.billing.terms import items, terms
from stripe_emulator.catalog.discounts import discounts, redemption
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.time import clock
from stripe_emulator.core.types import Json
from stripe_emulator.events import objects

#: Parameters that are kept as they come; "" empties them.
KEPT = (
    "collection_method",
    "days_until_due",
    "default_payment_method",
    "default_source",
    "description",
    "pause_collection",
    "pending_invoice_item_interval",
)


def trial_end(subscription: Json, form: Json) -> int | None:
    """The moment that the form wants a trial to end, or None if it says nothing of it."""
    wanted = form.get("trial_end")
    if wanted is None:
        return None
    if wanted == "now":
        return clock.now() if subscription["status"] == "trialing" else None
    return terms.check_trial_end(wanted)


def proration_date(subscription: Json, form: Json) -> int:
    """The moment from which a change is prorated.

    :raises InvalidRequest: It lies outside of the running period.
    """
    moment: int = form.get("proration_date", clock.now())
    data = subscription["items"]["data"]
    first = min(item["current_period_start"] for item in data)
    last = max(item["current_period_end"] for item in data)
    anchor = form.get("billing_cycle_anchor")
    kind = anchor.get("type") if isinstance(anchor, dict) else anchor
    if "proration_date" in form and kind == "now":
        raise InvalidRequest(
            "You may not specify `proration_date` when `billing_cycle_anchor` is reset: prorations are then"
            " made for this moment.",
            param="proration_date",
        )
    if "proration_date" in form and not first <= moment <= last:
        raise InvalidRequest(
            f"Cannot specify proration date outside of current subscription period ({first} - {last}).",
            param="proration_date",
        )
    return moment


def kept(subscription: Json, form: Json, customer: Json) -> Json:
    """What an update changes besides items and periods: payment, texts, discounts, cancellation."""
    fields = objects.patch(subscription, form, KEPT)
    terms.check_means(form, customer)
    days = form.get("days_until_due", subscription["days_until_due"])
    if form.get("collection_method") == "send_invoice" and days is None:
        raise InvalidRequest(
            "If you send invoices to your customers, specify how many days they have to pay: days_until_due.",
            code="parameter_missing",
            param="days_until_due",
        )
    if fields.get("pause_collection"):
        fields["pause_collection"] = _pause(fields["pause_collection"])
    if fields.get("pending_invoice_item_interval"):
        fields["pending_invoice_item_interval"] = terms.interval(form["pending_invoice_item_interval"])
    fields |= _taxes(subscription, form, customer)
    for name in ("invoice_settings", "payment_settings"):
        if form.get(name):
            fields[name] = (subscription[name] or {}) | form[name]
    if form.get("trial_settings"):
        fields["trial_settings"] = terms.trial_settings(form)
    if "discounts" in form:
        wanted = redemption.redeem_all(
            form["discounts"],
            customer,
            "discounts",
            order=redemption.Order(
                items.worth(subscription["items"]["data"], subscription["currency"]), subscription["currency"]
            ),
            subscription=subscription["id"],
        )
        fields["discounts"] = discounts.without_spent(wanted)
    return fields | _cancellation(subscription, form)


def _taxes(subscription: Json, form: Json, customer: Json) -> Json:
    """:raises InvalidRequest: Taxes are to follow the customer's country, and nobody knows it."""
    fields: Json = {}
    if "automatic_tax" in form:
        on = automatic_tax.is_wanted(form)
        if on:
            automatic_tax.require_location(customer)
        fields["automatic_tax"] = automatic_tax.of_subscription(enabled=on)
    if "default_tax_rates" in form:
        held = subscription["default_tax_rates"] or []
        fields["default_tax_rates"] = items.tax_rates(form["default_tax_rates"], "default_tax_rates", held)
    return fields


def _pause(form: Json) -> Json:
    """:raises InvalidRequest: Collection is to resume in the past."""
    if form.get("resumes_at") and form["resumes_at"] <= clock.now():
        raise InvalidRequest("`resumes_at` must be in the future.", param="pause_collection[resumes_at]")
    return {"resumes_at": None} | form


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
