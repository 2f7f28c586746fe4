"""Prices: what a product costs, once or by the period. https://docs.stripe.com/api/prices"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from stripe_emulator.api import lists
from stripe_emulator.api.expand import includable
from stripe_emulator.api.routing import get, post
from stripe_emulator.catalog import products
from stripe_emulator.core import money, store
from stripe_emulator.core.errors import InvalidRequest, NotEmulated
from stripe_emulator.core.store import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.events import events, objects


@post("/v1/prices")
def create(form: Form) -> Json:
    """https://docs.stripe.com/api/prices/create"""
    if "product_data" in form:
        product = products.new(form["product_data"], param="product_data")
        events.emit("product.created", product)
        form["product"] = product["id"]
    price = new(form)
    _take_lookup_key(price, form)
    events.emit("price.created", price)
    return price


@get("/v1/prices/{price}")
def retrieve(form: Form, price: str) -> Json:
    """https://docs.stripe.com/api/prices/retrieve"""
    return store.get("price", price, param="price")


@post("/v1/prices/{price}")
def update(form: Form, price: str) -> Json:
    """https://docs.stripe.com/api/prices/update; what it costs never changes."""
    found = store.get("price", price, param="price")
    changes = objects.patch(found, form, ("active", "nickname", "tax_behavior"))
    _take_lookup_key(found, form)
    return objects.change(found, "price.updated", **changes)


@get("/v1/prices")
def list_all(form: Form) -> Json:
    """https://docs.stripe.com/api/prices/list"""
    where: Json = {}
    if "lookup_keys" in form:
        where["lookup_key"] = form["lookup_keys"]
    for key, value in (form.get("recurring") or {}).items():
        where[f"recurring.{key}"] = value
    only = ("active", "currency", "product", "type")
    return lists.page("price", form, url="/v1/prices", where=where, only=only)


@get("/v1/prices/search")
def search(form: Form) -> Json:
    """https://docs.stripe.com/api/prices/search"""
    return lists.search("price", form, url="/v1/prices/search")


@includable("price", "tiers")
def tiers(price: Json) -> list[Json] | None:
    """The steps of a tiered price, shown when asked for."""
    found: list[Json] | None = price.get("_tiers")
    return found


@includable("price", "currency_options")
def currency_options(price: Json) -> Json:
    """The price in its own currency, the only one kept here."""
    keys = ("custom_unit_amount", "tax_behavior", "unit_amount", "unit_amount_decimal")
    return {price["currency"]: {key: price[key] for key in keys}}


def new(form: Form, param: str = "") -> Json:
    """A price from creation parameters; emits nothing.

    :param param: How the form calls these parameters, such as ``line_items[0][price_data]``.
    """
    currency = money.currency(form["currency"], _named(param, "currency"))
    product = store.named("product", form["product"], _named(param, "product")) if "product" in form else None
    if product is None:
        raise InvalidRequest(
            "You must specify either `product` or `product_data` when creating a price.",
            code="parameter_missing",
            param=_named(param, "product"),
        )
    tiered = form.get("billing_scheme") == "tiered"
    amount, exact = (None, None) if tiered or "custom_unit_amount" in form else _unit_amount(form, param)
    recurring = _recurring(form, param)
    if tiered and (recurring is None or not form.get("tiers")):
        raise InvalidRequest(
            "A tiered price is recurring and has tiers.",
            code="parameter_missing",
            param=_named(param, "tiers"),
        )
    return objects.create(
        "price",
        active=form.get("active", True),
        billing_scheme=form.get("billing_scheme", "per_unit"),
        currency=currency,
        custom_unit_amount=_custom(form),
        metadata=form.get("metadata"),
        nickname=form.get("nickname"),
        product=product["id"],
        recurring=recurring,
        tax_behavior=form.get("tax_behavior", "unspecified"),
        tiers_mode=form.get("tiers_mode"),
        transform_quantity=form.get("transform_quantity"),
        type="recurring" if recurring else "one_time",
        unit_amount=amount,
        unit_amount_decimal=exact,
        _tiers=_tiers(form) if tiered else None,
    )


def from_data(data: Form, param: str) -> Json:
    """A price for one use from ``price_data``, with its product; neither is for sale again."""
    if "product" not in data and "product_data" in data:
        product = products.new(data["product_data"] | {"active": False}, param=f"{param}[product_data]")
        data = data | {"product": product["id"]}
    return new(data | {"active": False}, param)


def total(price: Json, quantity: int) -> int:
    """What so many cost, rounded half up to the smallest unit. Tiers count as Stripe counts them."""
    if price["billing_scheme"] == "tiered":
        return _tiered_total(price, quantity)
    divided = price.get("transform_quantity")
    if divided:
        by = divided["divide_by"]
        quantity = quantity // by if divided["round"] == "down" else -(-quantity // by)
    exact = Decimal(price["unit_amount_decimal"] or 0) * quantity
    return int(exact.quantize(Decimal(1), ROUND_HALF_UP))


def _tiered_total(price: Json, quantity: int) -> int:
    whole, start = Decimal(0), 0
    for tier in price["_tiers"]:
        end = quantity if tier["up_to"] is None else min(quantity, tier["up_to"])
        within = end - start if price["tiers_mode"] == "graduated" else quantity
        last = tier["up_to"] is None or quantity <= tier["up_to"]
        if price["tiers_mode"] == "graduated" or last:
            whole += Decimal(tier["unit_amount_decimal"] or 0) * within
            whole += Decimal(tier["flat_amount_decimal"] or 0)
        if last:
            break
        start = end
    return int(whole.quantize(Decimal(1), ROUND_HALF_UP))


def _unit_amount(form: Form, param: str) -> tuple[int | None, str]:
    """``unit_amount`` and its decimal form; the first is None where the second has a fraction."""
    if "unit_amount" in form:
        exact = Decimal(form["unit_amount"])
    elif "unit_amount_decimal" in form:
        exact = Decimal(str(form["unit_amount_decimal"]))
    else:
        raise InvalidRequest(
            "You must specify either `unit_amount`, `unit_amount_decimal` or `custom_unit_amount`.",
            code="parameter_missing",
            param=_named(param, "unit_amount"),
        )
    if not 0 <= exact <= 999_999_999_999:
        raise InvalidRequest(
            "Invalid non-negative integer",
            code="parameter_invalid_integer",
            param=_named(param, "unit_amount"),
        )
    whole = exact == exact.to_integral_value()
    return (int(exact) if whole else None), format(
        exact.normalize() if not whole else exact.quantize(Decimal(1)), "f"
    )


def _recurring(form: Form, param: str) -> Json | None:
    given = form.get("recurring")
    if not given:
        return None
    if given.get("meter") or given.get("usage_type") == "metered":
        raise NotEmulated("metered prices", param=_named(param, "recurring") + "[usage_type]")
    count = given.get("interval_count", 1)
    longest = {"day": 1095, "week": 156, "month": 36, "year": 3}[given["interval"]]
    if not 1 <= count <= longest:
        raise InvalidRequest(
            f"The interval can be at most three years: {longest} {given['interval']}s.",
            param=_named(param, "recurring") + "[interval_count]",
        )
    return {
        "interval": given["interval"],
        "interval_count": count,
        "meter": given.get("meter"),
        "trial_period_days": given.get("trial_period_days"),
        "usage_type": given.get("usage_type", "licensed"),
    }


def _tiers(form: Form) -> list[Json]:
    return [
        {
            "flat_amount": tier.get("flat_amount"),
            "flat_amount_decimal": _decimal(tier, "flat_amount"),
            "unit_amount": tier.get("unit_amount"),
            "unit_amount_decimal": _decimal(tier, "unit_amount"),
            "up_to": None if tier["up_to"] == "inf" else tier["up_to"],
        }
        for tier in form["tiers"]
    ]


def _decimal(tier: Json, key: str) -> str | None:
    value = tier.get(f"{key}_decimal", tier.get(key))
    return None if value is None else str(value)


def _custom(form: Form) -> Json | None:
    given = form.get("custom_unit_amount")
    if not given or not given.get("enabled"):
        return None
    return {key: given.get(key) for key in ("maximum", "minimum", "preset")}


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


def _named(param: str, key: str) -> str:
    return f"{param}[{key}]" if param else key
