"""Products: what is for sale. https://docs.stripe.com/api/products"""

from __future__ import annotations

from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.catalog import pricing
from stripe_emulator.core import descriptors, urls
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.hooks import Hook
from stripe_emulator.core.time import clock
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.events import events, objects

register = Register()

#: A product is archived: payment links that sell it close.
archived: Hook[[Json]] = Hook()

#: Parameters that are kept as they come; "" empties them.
KEPT = (
    "active",
    "description",
    "images",
    "marketing_features",
    "name",
    "package_dimensions",
    "shippable",
    "statement_descriptor",
    "tax_code",
    "tax_details",
    "unit_label",
    "url",
)


@register.post("/v1/products")
def create(form: Form) -> Json:
    """https://docs.stripe.com/api/products/create"""
    product = new(form)
    if "default_price_data" not in form:
        events.emit("product.created", product)
        return product
    price = pricing.new(form["default_price_data"] | {"product": product["id"]}, "default_price_data")
    objects.change(product, default_price=price["id"])
    events.emit("product.created", product)
    events.emit("price.created", price)
    return product


@register.get("/v1/products/{id}")
def retrieve(form: Form, product_id: str) -> Json:
    """https://docs.stripe.com/api/products/retrieve"""
    return store.get("product", product_id)


@register.post("/v1/products/{id}")
def update(form: Form, product_id: str) -> Json:
    """https://docs.stripe.com/api/products/update"""
    product = store.get("product", product_id)
    _check(form, "")
    changes = objects.patch(product, form, KEPT)
    for emptied in ("images", "marketing_features"):
        if emptied in changes:
            changes[emptied] = changes[emptied] or []
    if "default_price" in form:
        price = store.named("price", form["default_price"], "default_price")
        if price["product"] != product_id:
            raise InvalidRequest("The default price must belong to this product.", param="default_price")
        if not price["active"]:
            raise InvalidRequest("The default price must be active.", param="default_price")
        changes["default_price"] = price["id"]
    objects.change(product, "product.updated", **changes, updated=clock.now())
    if form.get("active") is False:
        archived(product)
    return product


@register.get("/v1/products")
def list_all(form: Form) -> Json:
    """https://docs.stripe.com/api/products/list"""
    where = {"id": form["ids"]} if "ids" in form else {}
    only = ("active", "shippable", "type", "url")
    return lists.page("product", form, url="/v1/products", where=where, only=only)


@register.delete("/v1/products/{id}")
def remove(form: Form, product_id: str) -> Json:
    """https://docs.stripe.com/api/products/delete; one that ever had a price stays."""
    product = store.get("product", product_id)
    if store.select("price", {"product": product_id}, limit=1):
        raise InvalidRequest(
            "This product cannot be deleted because it has one or more user-created prices.", param="id"
        )
    return objects.delete(product, "product.deleted")


@register.get("/v1/products/search")
def search(form: Form) -> Json:
    """https://docs.stripe.com/api/products/search"""
    return lists.search("product", form, url="/v1/products/search")


def new(form: Form, *, param: str = "") -> Json:
    """A product from creation parameters or ``product_data``; emits nothing."""
    _check(form, param)
    own_id = form.get("id")
    if own_id and store.find("product", own_id):
        raise InvalidRequest(
            "Product already exists.", code="resource_already_exists", param=f"{param}[id]" if param else "id"
        )
    kept = {key: form[key] for key in KEPT if form.get(key) not in (None, "")}
    defaults = {"active": True, "type": form.get("type", "service"), "updated": clock.now()}
    return objects.create("product", id=own_id, metadata=form.get("metadata"), **defaults | kept)


def _check(form: Form, param: str) -> None:
    """:raises InvalidRequest: What stands on a statement can't be, or an address is none."""
    descriptor = f"{param}[statement_descriptor]" if param else "statement_descriptor"
    descriptors.check(form.get("statement_descriptor"), descriptor)
    urls.check(form.get("url"), f"{param}[url]" if param else "url")
    for number, image in enumerate(form.get("images") or []):
        urls.check(image, f"{param}[images][{number}]" if param else f"images[{number}]")
