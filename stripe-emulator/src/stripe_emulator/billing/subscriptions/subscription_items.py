"""Subscription items: one price of a subscription. https://docs.stripe.com/api/subscription_items

A change here is an update of the subscription, with its prorations.
"""

from __future__ import annotations

import re

from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.billing.lifecycle import states
from stripe_emulator.billing.subscriptions import updates
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest, NotFound, StripeError
from stripe_emulator.core.time import clock
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form

register = Register()

KIND = "subscription_item"

#: Parameters that are the update's and not the item's.
OF_UPDATE = ("off_session", "payment_behavior", "proration_behavior", "proration_date")


@register.post("/v1/subscription_items")
def create(form: Form) -> Json:
    """https://docs.stripe.com/api/subscription_items/create"""
    subscription = store.named("subscription", form["subscription"], "subscription")
    known = {item["id"] for item in subscription["items"]["data"]}
    _update(subscription, {key: value for key, value in form.items() if key != "subscription"})
    return next(item for item in subscription["items"]["data"] if item["id"] not in known)


@register.get("/v1/subscription_items/{item}")
def retrieve(form: Form, item_id: str) -> Json:
    """https://docs.stripe.com/api/subscription_items/retrieve"""
    return _item(_owner(item_id), item_id)


@register.post("/v1/subscription_items/{item}")
def update(form: Form, item_id: str) -> Json:
    """https://docs.stripe.com/api/subscription_items/update"""
    subscription = _owner(item_id)
    _update(subscription, {**form, "id": item_id})
    return _item(subscription, item_id)


@register.delete("/v1/subscription_items/{item}")
def remove(form: Form, item_id: str) -> Json:
    """https://docs.stripe.com/api/subscription_items/delete"""
    subscription = _owner(item_id)
    _update(subscription, {**form, "id": item_id, "deleted": True})
    return {"id": item_id, "object": KIND, "deleted": True}


@register.get("/v1/subscription_items")
def list_all(form: Form) -> Json:
    """https://docs.stripe.com/api/subscription_items/list"""
    subscription = store.named("subscription", form["subscription"], "subscription")
    url = f"/v1/subscription_items?subscription={subscription['id']}"
    return lists.slice_of(subscription["items"]["data"], form, url=url)


def _update(subscription: Json, form: Form) -> None:
    clock.live_with(subscription)
    if subscription["status"] in states.ENDED:
        raise InvalidRequest("A canceled subscription can't be changed.", param="subscription")
    of_update = {key: form.pop(key) for key in OF_UPDATE if key in form}
    form.pop("clear_usage", None)
    try:
        updates.update(subscription, of_update | {"items": [form]})
    except StripeError as error:  # which names the item's parameters as a subscription's form does
        error.param = re.sub(r"^items\[0\]\[(\w+)\]", r"\1", error.param or "") or None
        raise


def _owner(item_id: str) -> Json:
    return store.get("subscription", store.get(KIND, item_id, param="item")["subscription"])


def _item(subscription: Json, item_id: str) -> Json:
    for item in subscription["items"]["data"]:
        if item["id"] == item_id:
            return dict(item)
    raise NotFound(f"No such subscription_item: '{item_id}'", code="resource_missing", param="item")
