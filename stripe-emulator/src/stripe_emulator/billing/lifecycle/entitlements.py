"""What a customer may use: the features of the products that they subscribe to.

https://docs.stripe.com/billing/entitlements
"""

from __future__ import annotations

from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.catalog import features
from stripe_emulator.core.database import store
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form, public
from stripe_emulator.events import events, objects

register = Register()

KIND = "entitlements.active_entitlement"

#: States of a subscription that entitle.
ENTITLING = ["active", "past_due", "trialing"]


@register.get("/v1/entitlements/active_entitlements")
def list_all(form: Form) -> Json:
    """https://docs.stripe.com/api/entitlements/active-entitlement/list"""
    store.named("customer", form["customer"], "customer")
    return lists.page(
        KIND, form, url="/v1/entitlements/active_entitlements", where={"_parent": form["customer"]}
    )


@register.get("/v1/entitlements/active_entitlements/{id}")
def retrieve(form: Form, entitlement_id: str) -> Json:
    """https://docs.stripe.com/api/entitlements/active-entitlement/retrieve"""
    return store.get(KIND, entitlement_id)


def sync(subscription: Json) -> None:
    """Give and take what follows from a subscription as it is now; announce it if that is something."""
    if not store.select(features.OF_PRODUCT, limit=1):
        return  # nobody uses them
    customer_id = subscription["customer"]
    held = {each["feature"]: each for each in store.select(KIND, {"_parent": customer_id})}
    due = {feature["id"]: feature for feature in features.of_products(_products(customer_id))}
    if held.keys() == due.keys():
        return
    for feature_id in held.keys() - due.keys():
        objects.delete(held[feature_id])
    for feature_id, feature in due.items():
        if feature_id not in held:
            objects.create(KIND, feature=feature_id, lookup_key=feature["lookup_key"], _parent=customer_id)
    events.emit("entitlements.active_entitlement_summary.updated", _summary(customer_id))


def _summary(customer_id: str) -> Json:
    page = lists.page(
        KIND,
        {},
        url=f"/v1/customer/{customer_id}/entitlements",
        where={"_parent": customer_id},
    )
    return {
        "object": "entitlements.active_entitlement_summary",
        "customer": customer_id,
        "entitlements": {**page, "data": [public(each) for each in page["data"]]},
        "livemode": False,
    }


def _products(customer_id: str) -> set[str]:
    running = store.select("subscription", {"customer": customer_id, "status": ENTITLING})
    return {item["price"]["product"] for each in running for item in each["items"]["data"]}
