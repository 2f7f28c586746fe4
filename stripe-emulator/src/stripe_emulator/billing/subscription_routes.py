"""Subscriptions: a customer pays by the period. https://docs.stripe.com/api/subscriptions

The routes; how Stripe bills is in the package ``billing``.
"""

from __future__ import annotations

from stripe_emulator.api import lists
from stripe_emulator.api.routing import delete, get, post
from stripe_emulator.billing import changes, collection, endings, pauses, start, states
from stripe_emulator.catalog import discounts
from stripe_emulator.checkout import subscription_mode as _  # noqa: F401, registers Checkout's mode
from stripe_emulator.core import clock, clocks, store
from stripe_emulator.core.errors import InvalidRequest, NotFound
from stripe_emulator.core.store import Json
from stripe_emulator.core.wire import Form, without_effect
from stripe_emulator.payments import customers


@post("/v1/subscriptions")
def create(form: Form) -> Json:
    """https://docs.stripe.com/api/subscriptions/create"""
    if "customer" not in form:
        raise InvalidRequest("Missing required param: customer.", code="parameter_missing", param="customer")
    customer = store.named("customer", form["customer"], "customer")
    clocks.enter(customer)
    without_effect(form, "off_session")
    behavior = form.get("payment_behavior", "allow_incomplete")
    if behavior == "pending_if_incomplete":
        raise InvalidRequest(
            "`pending_if_incomplete` can only be used to update a subscription.", param="payment_behavior"
        )
    subscription, invoice = start.subscribe(customer, form)
    charged = subscription["collection_method"] == "charge_automatically"
    if charged and invoice["amount_due"] and behavior != "default_incomplete":
        collection.require_method(customer, subscription)
    start.collect_first(subscription, invoice, behavior)
    return subscription


@get("/v1/subscriptions/search")
def search(form: Form) -> Json:
    """https://docs.stripe.com/api/subscriptions/search"""
    return lists.search("subscription", form, url="/v1/subscriptions/search")


@get("/v1/subscriptions/{subscription_exposed_id}")
def retrieve(form: Form, subscription_exposed_id: str) -> Json:
    """https://docs.stripe.com/api/subscriptions/retrieve"""
    return store.get("subscription", subscription_exposed_id)


@post("/v1/subscriptions/{subscription_exposed_id}")
def update(form: Form, subscription_exposed_id: str) -> Json:
    """https://docs.stripe.com/api/subscriptions/update"""
    found = store.get("subscription", subscription_exposed_id)
    clocks.enter(found)
    if found["status"] in states.ENDED and form.keys() - {"metadata", "cancellation_details"}:
        raise InvalidRequest(
            "A canceled subscription can only update its cancellation_details and metadata.",
            code="resource_missing",
        )
    return changes.update(found, form)


@get("/v1/subscriptions")
def list_all(form: Form) -> Json:
    """https://docs.stripe.com/api/subscriptions/list; without ``status``, those that are not canceled."""
    where: Json = {
        f"items.data[0].{name}": form[name]
        for name in ("current_period_end", "current_period_start")
        if name in form
    }
    if "automatic_tax" in form:
        where["automatic_tax.enabled"] = form["automatic_tax"]["enabled"]
    status = form.get("status")
    if status is None:
        where["status"] = ["active", "incomplete", "past_due", "paused", "trialing", "unpaid"]
    elif status == "ended":
        where["status"] = list(states.ENDED)
    elif status != "all":
        where["status"] = status
    for key in ("price", "plan"):
        if key in form:
            where["id"] = _with_price(form[key])
    only = ("collection_method", "customer", "test_clock")
    return lists.page("subscription", form, url="/v1/subscriptions", where=where, only=only)


@delete("/v1/subscriptions/{subscription_exposed_id}")
def cancel(form: Form, subscription_exposed_id: str) -> Json:
    """https://docs.stripe.com/api/subscriptions/cancel"""
    found = alive(subscription_exposed_id)
    return endings.cancel(found, form)


@post("/v1/subscriptions/{subscription}/pause")
def pause(form: Form, subscription: str) -> Json:
    """https://docs.stripe.com/api/subscriptions/pause"""
    return pauses.pause(alive(subscription), form)


@post("/v1/subscriptions/{subscription}/resume")
def resume(form: Form, subscription: str) -> Json:
    """https://docs.stripe.com/api/subscriptions/resume"""
    return pauses.resume(alive(subscription), form)


@post("/v1/subscriptions/{subscription}/migrate")
def migrate(form: Form, subscription: str) -> Json:
    """https://docs.stripe.com/api/subscriptions/migrate: to flexible billing, and never back."""
    found = alive(subscription)
    flexible = {"proration_discounts": "included"} | (form["billing_mode"].get("flexible") or {})
    return states.change(
        found, billing_mode={"flexible": flexible, "type": "flexible", "updated_at": clock.now()}
    )


@delete("/v1/subscriptions/{subscription_exposed_id}/discount")
def delete_discount(form: Form, subscription_exposed_id: str) -> Json:
    """https://docs.stripe.com/api/discounts/subscription_delete; the one that came last."""
    found = alive(subscription_exposed_id)
    if not found["discounts"]:
        raise NotFound(f"No active discount for subscription: {found['id']}", code="resource_missing")
    *left, last = found["discounts"]
    states.change(found, discounts=left)
    return discounts.ended(last)


def _with_price(price: str) -> list[str]:
    """Ids of the subscriptions that have an item of this price."""
    return [
        one["id"]
        for one in store.select("subscription")
        if any(item["price"]["id"] == price for item in one["items"]["data"])
    ]


def _customer_leaves(customer: Json) -> None:
    """Nobody is left to pay."""
    for subscription in store.select("subscription", {"customer": customer["id"]}):
        if subscription["status"] not in states.ENDED:
            states.end(subscription, reason="cancellation_requested")


def alive(subscription_id: str) -> Json:
    """The subscription that the URL names, on its own clock; one that is over is gone."""
    found = store.get("subscription", subscription_id)
    clocks.enter(found)
    if found["status"] in states.ENDED:
        raise InvalidRequest(
            f"No such subscription: '{subscription_id}'", code="resource_missing", param="id"
        )
    return found


customers.BEFORE_REMOVAL.append(_customer_leaves)
