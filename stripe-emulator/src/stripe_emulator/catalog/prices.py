"""Prices: what a product costs, once or by the period. https://docs.stripe.com/api/prices"""

from __future__ import annotations

from decimal import Decimal

from stripe_emulator.api import lists
from stripe_emulator.api.expand import LEFT_OUT
from stripe_emulator.api.register import Register
from stripe_emulator.catalog import currency_options as options
from stripe_emulator.catalog import pricing, products
from stripe_emulator.core.database import store
from stripe_emulator.core.database.settings import get_setting, put_setting
from stripe_emulator.core.errors import InvalidRequest, only_one_of
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.events import events, objects

register = Register()

#: Name of the setting that keeps the product of bare amounts.
FOR_ONCE = "product_for_once"


@register.post("/v1/prices")
def create(form: Form) -> Json:
    """https://docs.stripe.com/api/prices/create"""
    if "product" in form and "product_data" in form:
        raise only_one_of("product", "product_data", param="product_data")
    if "product_data" in form:
        product = products.new(form["product_data"], param="product_data")
        events.emit("product.created", product)
        form["product"] = product["id"]
    price = pricing.new(form)
    _take_lookup_key(price, form)
    events.emit("price.created", price)
    return price


@register.get("/v1/prices/{price}")
def retrieve(form: Form, price_id: str) -> Json:
    """https://docs.stripe.com/api/prices/retrieve"""
    return store.get("price", price_id, param="price")


@register.post("/v1/prices/{price}")
def update(form: Form, price_id: str) -> Json:
    """https://docs.stripe.com/api/prices/update; what it costs never changes."""
    price = store.get("price", price_id, param="price")
    if form.get("active") is False and _is_default(price):
        raise InvalidRequest(
            "This price cannot be archived because it is the default price of its product.", param="active"
        )
    if price["tax_behavior"] not in ("unspecified", form.get("tax_behavior", price["tax_behavior"])):
        raise InvalidRequest(
            "The tax behavior of a price can't be changed once it is `inclusive` or `exclusive`.",
            param="tax_behavior",
        )
    changes = objects.patch(price, form, ("active", "nickname", "tax_behavior"))
    _take_lookup_key(price, form)
    objects.change(price, "price.updated", **changes)
    if form.get("active") is False:
        pricing.archived(price)
    return price


@register.get("/v1/prices")
def list_all(form: Form) -> Json:
    """https://docs.stripe.com/api/prices/list"""
    where: Json = {}
    if "lookup_keys" in form:
        where["lookup_key"] = form["lookup_keys"]
    for key, value in (form.get("recurring") or {}).items():
        where[f"recurring.{key}"] = value
    only = ("active", "currency", "product", "type")
    return lists.page("price", form, url="/v1/prices", where=where, only=only)


@register.get("/v1/prices/search")
def search(form: Form) -> Json:
    """https://docs.stripe.com/api/prices/search"""
    return lists.search("price", form, url="/v1/prices/search")


@register.includable("price", "tiers")
def tiers(price: Json) -> list[Json]:
    """The steps of a tiered price, shown when asked for."""
    steps: list[Json] = price.get("_tiers") or LEFT_OUT
    return steps


@register.includable("price", "currency_options")
def currency_options(price: Json) -> Json:
    """What the price is in each of its currencies, shown when asked for."""
    return options.shown(price)


def from_data(data: Form, param: str) -> Json:
    """A price for one use from ``price_data``, with its product; neither is for sale again."""
    if "product" not in data and "product_data" in data:
        product = products.new(data["product_data"] | {"active": False}, param=f"{param}[product_data]")
        data = data | {"product": product["id"]}
    return pricing.new(data | {"active": False}, param)


def for_once(currency: str, amount: str) -> Json:
    """The price that Stripe makes of a bare amount on an invoice item, and uses again; it is not for sale.

    :param amount: Of one unit, in minor units; it may be negative, and have a fraction.
    """
    product = _product_for_once()
    wanted = {"product": product["id"], "currency": currency, "unit_amount_decimal": amount}
    if known := store.select("price", wanted, limit=1):
        return known[0]
    whole = Decimal(amount)
    return objects.create(
        "price",
        active=False,
        billing_scheme="per_unit",
        currency=currency,
        product=product["id"],
        tax_behavior="unspecified",
        type="one_time",
        unit_amount=int(whole) if whole == whole.to_integral_value() else None,
        unit_amount_decimal=amount,
        _for_once=True,
        _tiers=None,
    )


def _is_default(price: Json) -> bool:
    product = store.find("product", price["product"])
    return product is not None and product.get("default_price") == price["id"]


def _product_for_once() -> Json:
    """The one product that bare amounts belong to."""
    known = store.find("product", get_setting(FOR_ONCE, ""))
    if known is None:
        known = products.new({"name": "Invoice item", "active": False})
        put_setting(FOR_ONCE, known["id"])
    return known


def _take_lookup_key(price: Json, form: Form) -> None:
    """Give a price its key; with ``transfer_lookup_key``, whoever had it loses it."""
    key, may_take = form.get("lookup_key"), form.get("transfer_lookup_key")
    if not key:
        return
    for other in store.select("price", {"lookup_key": key}):
        if other is price:
            continue
        if not may_take:
            raise InvalidRequest(
                f"A price (`{other['id']}`) already uses that lookup key.",
                code="resource_already_exists",
                param="lookup_key",
            )
        objects.change(other, "price.updated", lookup_key=None)
    objects.change(price, lookup_key=key)
