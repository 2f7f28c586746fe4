"""Promotion codes: what a customer types to redeem a coupon. https://docs.stripe.com/api/promotion_codes"""

from __future__ import annotations

import re

from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.catalog.discounts import discounts, redemption
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.ids import token
from stripe_emulator.core.time import clock
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.events import objects

register = Register()

_CODE = re.compile(r"[A-Za-z0-9-]{1,500}")


@register.post("/v1/promotion_codes")
def create(form: Form) -> Json:
    """https://docs.stripe.com/api/promotion_codes/create"""
    promotion = form.get("promotion") or {}
    coupon_id = promotion.get("coupon")
    if not coupon_id:
        raise InvalidRequest(
            "Missing required param: promotion[coupon].", code="parameter_missing", param="promotion[coupon]"
        )
    coupon = redemption.usable_coupon(coupon_id, "promotion[coupon]")
    code = form.get("code") or token(8).upper()
    _check(form, code)
    _check_within(coupon, form)
    _check_free(code, form.get("customer"))
    restrictions = {"first_time_transaction": False, "minimum_amount": None, "minimum_amount_currency": None}
    return objects.create(
        "promotion_code",
        event="promotion_code.created",
        active=form.get("active", True),
        code=code,
        customer=store.named("customer", form["customer"], "customer")["id"] if "customer" in form else None,
        expires_at=form.get("expires_at"),
        max_redemptions=form.get("max_redemptions"),
        metadata=form.get("metadata"),
        promotion={"coupon": coupon["id"], "type": "coupon"},
        restrictions=restrictions | (form.get("restrictions") or {}),
        times_redeemed=0,
    )


@register.get("/v1/promotion_codes/{promotion_code}")
def retrieve(form: Form, promotion_code_id: str) -> Json:
    """https://docs.stripe.com/api/promotion_codes/retrieve"""
    return store.get("promotion_code", promotion_code_id, param="promotion_code")


@register.post("/v1/promotion_codes/{promotion_code}")
def update(form: Form, promotion_code_id: str) -> Json:
    """https://docs.stripe.com/api/promotion_codes/update"""
    promotion_code = store.get("promotion_code", promotion_code_id, param="promotion_code")
    if form.get("active") and not discounts.is_active(promotion_code):
        redemption.usable_coupon(promotion_code["promotion"]["coupon"], "active")
        if discounts.is_over(promotion_code):
            raise InvalidRequest(
                "This promotion code cannot be activated because it has expired or has been fully redeemed.",
                code="promotion_code_expired",
                param="active",
            )
        _check_free(promotion_code["code"], promotion_code["customer"])
    return objects.change(
        promotion_code, "promotion_code.updated", **objects.patch(promotion_code, form, ("active",))
    )


@register.get("/v1/promotion_codes")
def list_all(form: Form) -> Json:
    """https://docs.stripe.com/api/promotion_codes/list"""
    where: Json = {"promotion.coupon": form["coupon"]} if "coupon" in form else {}
    if form.keys() & {"active", "code"}:
        where["id"] = [each["id"] for each in store.select("promotion_code") if _is_wanted(each, form)]
    return lists.page("promotion_code", form, url="/v1/promotion_codes", where=where, only=("customer",))


def typed(code: str) -> Json | None:
    """The promotion code that a customer typed, in whatever case; the one that is active, of several."""
    wanted = code.strip().lower()
    same = [
        each for each in store.select("promotion_code", {"active": True}) if each["code"].lower() == wanted
    ]
    return next(filter(discounts.is_active, same), same[0] if same else None)


@register.computed("promotion_code")
def with_its_coupon(promotion_code: Json) -> Json:
    """A code is active as long as its coupon is valid."""
    return {"active": discounts.is_active(promotion_code)}


def _is_wanted(promotion_code: Json, form: Form) -> bool:
    """Whether a list shows it, by what no query can ask: a code in any case, and a coupon that is valid."""
    if "code" in form and promotion_code["code"].lower() != form["code"].lower():
        return False
    return "active" not in form or discounts.is_active(promotion_code) == form["active"]


def _check(form: Form, code: str) -> None:
    if not _CODE.fullmatch(code):
        raise InvalidRequest(
            "Valid characters of a code are letters (a-z, A-Z), digits and dashes.", param="code"
        )
    if form.get("expires_at", clock.now() + 1) <= clock.now():
        raise InvalidRequest("The `expires_at` timestamp must be in the future.", param="expires_at")
    restrictions = form.get("restrictions") or {}
    if ("minimum_amount" in restrictions) != ("minimum_amount_currency" in restrictions):
        missing = "minimum_amount_currency" if "minimum_amount" in restrictions else "minimum_amount"
        raise InvalidRequest(
            f"Missing required param: restrictions[{missing}].",
            code="parameter_missing",
            param=f"restrictions[{missing}]",
        )


def _check_within(coupon: Json, form: Form) -> None:
    """:raises InvalidRequest: The code would outlive its coupon, or be redeemed more often."""
    for param, limit in (("expires_at", "redeem_by"), ("max_redemptions", "max_redemptions")):
        if coupon[limit] is not None and form.get(param, 0) > coupon[limit]:
            raise InvalidRequest(
                f"`{param}` can't be more than the `{limit}` of the coupon, {coupon[limit]}.", param=param
            )


def _check_free(code: str, customer: str | None) -> None:
    taken = typed(code)
    if taken is not None and discounts.is_active(taken) and taken["customer"] in (None, customer):
        raise InvalidRequest(f"An active promotion code with `code: {code}` already exists.", param="code")
