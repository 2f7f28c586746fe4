"""Features, and the products that bring them. https://docs.stripe.com/api/entitlements/feature

Who has which feature follows from their subscriptions: ``billing.lifecycle.entitlements``.
"""

from __future__ import annotations

from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest, NotFound, no_such
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form, public
from stripe_emulator.events import objects

register = Register()

FEATURE, OF_PRODUCT = "entitlements.feature", "product_feature"


@register.post("/v1/entitlements/features")
def create(form: Form) -> Json:
    """https://docs.stripe.com/api/entitlements/feature/create"""
    if store.select(FEATURE, {"lookup_key": form["lookup_key"]}, limit=1):
        raise InvalidRequest(
            f"A feature with the lookup key {form['lookup_key']} exists already.",
            code="resource_already_exists",
            param="lookup_key",
        )
    return objects.create(
        FEATURE, active=True, lookup_key=form["lookup_key"], metadata=form.get("metadata"), name=form["name"]
    )


@register.get("/v1/entitlements/features/{id}")
def retrieve(form: Form, feature_id: str) -> Json:
    """https://docs.stripe.com/api/entitlements/feature/retrieve"""
    return store.get(FEATURE, feature_id)


@register.post("/v1/entitlements/features/{id}")
def update(form: Form, feature_id: str) -> Json:
    """https://docs.stripe.com/api/entitlements/feature/update; ``active=false`` archives it."""
    feature = store.get(FEATURE, feature_id)
    return objects.change(feature, **objects.patch(feature, form, ("active", "name")))


@register.get("/v1/entitlements/features")
def list_all(form: Form) -> Json:
    """https://docs.stripe.com/api/entitlements/feature/list"""
    where: Json = {"active": not form["archived"]} if "archived" in form else {}
    return lists.page(FEATURE, form, url="/v1/entitlements/features", where=where, only=("lookup_key",))


@register.post("/v1/products/{product}/features")
def attach(form: Form, product_id: str) -> Json:
    """https://docs.stripe.com/api/product-feature/attach"""
    product = store.get("product", product_id, param="product")
    feature = store.named(FEATURE, form["entitlement_feature"], "entitlement_feature")
    if not feature["active"]:
        raise InvalidRequest("An archived feature can't be attached.", param="entitlement_feature")
    if any(held["_feature"] == feature["id"] for held in _held(product_id)):
        raise InvalidRequest(
            "This feature is attached to the product already.",
            code="resource_already_exists",
            param="entitlement_feature",
        )
    return objects.create(
        OF_PRODUCT, entitlement_feature=public(feature), _feature=feature["id"], _parent=product["id"]
    )


@register.get("/v1/products/{product}/features/{id}")
def retrieve_of_product(form: Form, product_id: str, held_id: str) -> Json:
    """https://docs.stripe.com/api/product-feature/retrieve"""
    return _of_product(product_id, held_id)


@register.get("/v1/products/{product}/features")
def list_of_product(form: Form, product_id: str) -> Json:
    """https://docs.stripe.com/api/product-feature/list"""
    store.get("product", product_id, param="product")
    url = f"/v1/products/{product_id}/features"
    return lists.page(OF_PRODUCT, form, url=url, where={"_parent": product_id})


@register.delete("/v1/products/{product}/features/{id}")
def detach(form: Form, product_id: str, held_id: str) -> Json:
    """https://docs.stripe.com/api/product-feature/remove; they keep it until their plan changes."""
    return objects.delete(_of_product(product_id, held_id))


@register.computed(OF_PRODUCT)
def shown(held: Json) -> Json:
    """A product's feature shows the feature as it is now."""
    if "_feature" not in held:
        return {}  # it was just taken away
    return {"entitlement_feature": public(store.get(FEATURE, held["_feature"]))}


def of_products(product_ids: set[str]) -> list[Json]:
    """The features that these products bring, each once, in the order of their making."""
    brought = {held["_feature"] for product_id in product_ids for held in _held(product_id)}
    return [feature for feature in store.select(FEATURE) if feature["id"] in brought]


def _held(product_id: str) -> list[Json]:
    return store.select(OF_PRODUCT, {"_parent": product_id})


def _of_product(product_id: str, held_id: str) -> Json:
    held = store.get(OF_PRODUCT, held_id)
    if held["_parent"] != product_id:
        raise NotFound(no_such(OF_PRODUCT, held_id), code="resource_missing", param="id")
    return held
