"""Coupons: a percentage or an amount off. https://docs.stripe.com/api/coupons"""

from __future__ import annotations

from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.catalog.discounts import discounts
from stripe_emulator.core import ids, money
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest, NotFound, no_such
from stripe_emulator.core.time import clock
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.events import events, objects

register = Register()

#: Seconds from now until a coupon is redeemed for the last time, at most: five years.
LONGEST = (5 * 365 + 2) * clock.DAY


@register.post("/v1/coupons")
def create(form: Form) -> Json:
    """https://docs.stripe.com/api/coupons/create"""
    _check(form)
    products = (form.get("applies_to") or {}).get("products") or []
    for number, product in enumerate(products):
        store.named("product", product, f"applies_to[products][{number}]")
    coupon_id = form.get("id") or ids.new("coupon")
    if store.find("coupon", coupon_id) is not None:
        raise InvalidRequest("Coupon already exists.", code="resource_already_exists", param="id")
    coupon = objects.create(
        "coupon",
        id=coupon_id,
        amount_off=form.get("amount_off"),
        currency=money.currency(form["currency"]) if "amount_off" in form else None,
        duration=form.get("duration", "once"),
        duration_in_months=form.get("duration_in_months"),
        max_redemptions=form.get("max_redemptions"),
        metadata=form.get("metadata"),
        name=form.get("name"),
        percent_off=form.get("percent_off"),
        redeem_by=form.get("redeem_by"),
        times_redeemed=0,
        valid=True,
        _currency_options=form.get("currency_options") or {},
        _products=products,
    )
    discounts.refresh(coupon)
    events.emit("coupon.created", coupon)
    return coupon


@register.get("/v1/coupons/{coupon}")
def retrieve(form: Form, coupon_id: str) -> Json:
    """https://docs.stripe.com/api/coupons/retrieve"""
    return _alive(coupon_id)


@register.post("/v1/coupons/{coupon}")
def update(form: Form, coupon_id: str) -> Json:
    """https://docs.stripe.com/api/coupons/update; what it takes off never changes."""
    coupon = _alive(coupon_id)
    changes = objects.patch(coupon, form, ("name",))
    if "currency_options" in form:
        _must_take_an_amount(coupon["amount_off"])
        changes["_currency_options"] = coupon["_currency_options"] | form["currency_options"]
    return objects.change(coupon, "coupon.updated", **changes)


@register.delete("/v1/coupons/{coupon}")
def remove(form: Form, coupon_id: str) -> Json:
    """https://docs.stripe.com/api/coupons/delete: it can't be redeemed again; who has it keeps it."""
    coupon = _alive(coupon_id)
    events.emit("coupon.deleted", coupon)
    objects.change(coupon, deleted=True, valid=False)
    return {"id": coupon_id, "object": "coupon", "deleted": True}


@register.get("/v1/coupons")
def list_all(form: Form) -> Json:
    """https://docs.stripe.com/api/coupons/list"""
    return lists.page("coupon", form, url="/v1/coupons")


@register.includable("coupon", "applies_to")
def applies_to(coupon: Json) -> Json:
    """The products that a coupon is for, shown when asked for."""
    return {"products": coupon["_products"]}


@register.includable("coupon", "currency_options")
def currency_options(coupon: Json) -> Json:
    """What a coupon takes off in each currency, shown when asked for."""
    own = {coupon["currency"]: {"amount_off": coupon["amount_off"]}} if coupon["currency"] else {}
    return {**own, **coupon["_currency_options"]}


def _alive(coupon_id: str) -> Json:
    coupon = store.get("coupon", coupon_id, param="coupon")
    if coupon.get("deleted"):
        raise NotFound(no_such("coupon", coupon_id), code="resource_missing", param="coupon")
    discounts.refresh(coupon)
    return coupon


def _check(form: Form) -> None:
    if ("percent_off" in form) == ("amount_off" in form):
        raise InvalidRequest(
            "You must specify either `percent_off` or `amount_off`, and not both.",
            code="parameter_missing",
            param="percent_off",
        )
    if "percent_off" in form and not 0 < form["percent_off"] <= 100:
        raise InvalidRequest(
            "Invalid percent_off: must be greater than 0 and at most 100.", param="percent_off"
        )
    if "amount_off" in form and form["amount_off"] < 1:
        raise InvalidRequest("Invalid positive integer", code="parameter_invalid_integer", param="amount_off")
    if "amount_off" in form and "currency" not in form:
        raise InvalidRequest(
            "You must pass currency when passing amount_off.", code="parameter_missing", param="currency"
        )
    if form.get("currency_options"):
        _must_take_an_amount(form.get("amount_off"))
    repeating = form.get("duration") == "repeating"
    if repeating != ("duration_in_months" in form) or form.get("duration_in_months", 1) < 1:
        raise InvalidRequest(
            "duration_in_months is a positive number, and required exactly when duration is repeating.",
            param="duration_in_months",
        )
    if form.get("redeem_by", clock.now() + 1) <= clock.now():
        raise InvalidRequest("redeem_by must be in the future.", param="redeem_by")
    if form.get("redeem_by", 0) > clock.now() + LONGEST:
        raise InvalidRequest("redeem_by can be at most 5 years in the future.", param="redeem_by")
    if form.get("max_redemptions", 1) < 1:
        raise InvalidRequest(
            "Invalid positive integer", code="parameter_invalid_integer", param="max_redemptions"
        )


def _must_take_an_amount(amount_off: int | None) -> None:
    if amount_off is None:
        raise InvalidRequest(
            "`currency_options` can only be passed for a coupon with `amount_off`.", param="currency_options"
        )
