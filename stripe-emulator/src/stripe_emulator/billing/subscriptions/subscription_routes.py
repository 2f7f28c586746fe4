"""Subscriptions: a customer pays by the period. https://docs.stripe.com/api/subscriptions

The routes. A change is in ``changes.py``; how a subscription starts and renews, in ``lifecycle``.
"""

from __future__ import annotations

from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.billing.invoices import automatic_tax, collection
from stripe_emulator.billing.lifecycle import endings, start, states
from stripe_emulator.billing.subscriptions import pauses, updates
from stripe_emulator.catalog.discounts import discounts
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest, NotFound
from stripe_emulator.core.time import clock
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form

register = Register()

#: States of a subscription that is not over.
RUNNING = ("active", "incomplete", "past_due", "paused", "trialing", "unpaid")


@register.post("/v1/subscriptions")
def create(form: Form) -> Json:
    """https://docs.stripe.com/api/subscriptions/create"""
    if "customer" not in form:
        raise InvalidRequest("Missing required param: customer.", code="parameter_missing", param="customer")
    customer = store.named("customer", form["customer"], "customer")
    clock.live_with(customer)
    behavior = form.get("payment_behavior", "allow_incomplete")
    if behavior == "pending_if_incomplete":
        raise InvalidRequest(
            "`pending_if_incomplete` can only be used to update a subscription.", param="payment_behavior"
        )
    if automatic_tax.is_wanted(form):
        automatic_tax.require_location(customer)
    subscription, invoice = start.subscribe(customer, form)
    charged = subscription["collection_method"] == "charge_automatically"
    if charged and invoice["amount_due"] and behavior != "default_incomplete":
        collection.require_method(customer, subscription)
    start.collect_first(subscription, invoice, behavior, off_session=bool(form.get("off_session")))
    return subscription


@register.get("/v1/subscriptions/search")
def search(form: Form) -> Json:
    """https://docs.stripe.com/api/subscriptions/search"""
    return lists.search("subscription", form, url="/v1/subscriptions/search")


@register.get("/v1/subscriptions/{subscription_exposed_id}")
def retrieve(form: Form, subscription_id: str) -> Json:
    """https://docs.stripe.com/api/subscriptions/retrieve"""
    return store.get("subscription", subscription_id)


@register.post("/v1/subscriptions/{subscription_exposed_id}")
def update(form: Form, subscription_id: str) -> Json:
    """https://docs.stripe.com/api/subscriptions/update"""
    subscription = store.get("subscription", subscription_id)
    clock.live_with(subscription)
    states.must_be_changeable(subscription, form)
    return updates.update(subscription, form)


@register.get("/v1/subscriptions")
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
        where["status"] = list(RUNNING)
    elif status == "ended":
        where["status"] = list(states.ENDED)
    elif status != "all":
        where["status"] = status
    for key in ("price", "plan"):
        if key in form:
            where["id"] = _with_price(form[key])
    only = ("collection_method", "customer", "test_clock")
    return lists.page("subscription", form, url="/v1/subscriptions", where=where, only=only)


@register.delete("/v1/subscriptions/{subscription_exposed_id}")
def cancel(form: Form, subscription_id: str) -> Json:
    """https://docs.stripe.com/api/subscriptions/cancel"""
    subscription = states.alive(subscription_id)
    return endings.cancel(subscription, form)


@register.post("/v1/subscriptions/{subscription}/pause")
def pause(form: Form, subscription_id: str) -> Json:
    """https://docs.stripe.com/api/subscriptions/pause"""
    return pauses.pause(states.alive(subscription_id), form)


@register.post("/v1/subscriptions/{subscription}/resume")
def resume(form: Form, subscription_id: str) -> Json:
    """https://docs.stripe.com/api/subscriptions/resume"""
    return pauses.resume(states.alive(subscription_id), form)


@register.post("/v1/subscriptions/{subscription}/migrate")
def migrate(form: Form, subscription_id: str) -> Json:
    """https://docs.stripe.com/api/subscriptions/migrate: to flexible billing, and never back."""
    subscription = states.alive(subscription_id)
    flexible = {"proration_discounts": "included"} | (form["billing_mode"].get("flexible") or {})
    return states.change(
        subscription, billing_mode={"flexible": flexible, "type": "flexible", "updated_at": clock.now()}
    )


@register.delete("/v1/subscriptions/{subscription_exposed_id}/discount")
def delete_discount(form: Form, subscription_id: str) -> Json:
    """https://docs.stripe.com/api/discounts/subscription_delete; the one that came last."""
    subscription = states.alive(subscription_id)
    if not subscription["discounts"]:
        raise NotFound(f"No active discount for subscription: {subscription['id']}", code="resource_missing")
    *left, last = subscription["discounts"]
    states.change(subscription, discounts=left)
    return discounts.ended(last)


@register.includable("customer", "subscriptions")
def of_customer(customer: Json) -> Json:
    """The customer's subscriptions that are not canceled, newest first, shown when asked for."""
    url = f"/v1/customers/{customer['id']}/subscriptions"
    where = {"customer": customer["id"], "status": list(RUNNING)}
    return lists.page("subscription", {}, url=url, where=where)


def _with_price(price: str) -> list[str]:
    """Ids of the subscriptions that have an item of this price."""
    return [
        subscription["id"]
        for subscription in store.select("subscription")
        if any(item["price"]["id"] == price for item in subscription["items"]["data"])
    ]
