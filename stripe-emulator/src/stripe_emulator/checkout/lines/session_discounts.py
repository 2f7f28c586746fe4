"""Coupons and promotion codes on a Checkout Session, before it is paid.

They are checked when they are chosen, and redeemed when the session is complete.
https://docs.stripe.com/payments/checkout/discounts
"""

from __future__ import annotations

from stripe_emulator.catalog.discounts import discounts, promotion_codes, redemption
from stripe_emulator.catalog.sums import totals
from stripe_emulator.checkout.lines import line_items
from stripe_emulator.checkout.tax import taxes
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest, only_one_of
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.events import objects


def choose(session: Json, form: Form) -> None:
    """Take ``discounts[]`` of a session's form; without it nothing changes.

    :raises InvalidRequest: A coupon or a code can't be used, or the customer was to type one.
    """
    if not form.get("discounts"):
        if "discounts" in form:
            objects.change(session, discounts=[])
            apply(session)
        return
    if session["allow_promotion_codes"]:
        raise only_one_of("allow_promotion_codes", "discounts", param="allow_promotion_codes")
    if len(form["discounts"]) > 1:
        raise InvalidRequest("You can only apply one discount to a Checkout Session.", param="discounts")
    _put(session, form["discounts"][0], "discounts[0]")


def enter_code(session: Json, code: str) -> None:
    """What a customer typed into the page's field; an empty one takes the code away.

    :raises InvalidRequest: The session asks for none, there is no such code, or it is not for this customer
        or this sum.
    """
    if not session["allow_promotion_codes"]:
        raise InvalidRequest(
            "This session asks for no promotion code: make it with allow_promotion_codes.",
            param="promotion_code",
        )
    if not code.strip():
        objects.change(session, discounts=[])
        apply(session)
        return
    promotion_code = promotion_codes.typed(code)
    if promotion_code is None:
        raise InvalidRequest("This code is invalid.", code="promotion_code_invalid", param="promotion_code")
    _put(session, {"promotion_code": promotion_code["id"]}, "promotion_code")


def check(session: Json) -> None:
    """Before somebody pays: what was chosen can still be used, unless a payment was begun with it.

    :raises InvalidRequest: It is over or used up meanwhile, or not for this customer.
    """
    if session.get("_subscription"):
        return
    customer = store.find("customer", session["customer"]) if session["customer"] else None
    order = redemption.Order(session["amount_subtotal"] or 0, session["currency"])
    for discount in session["discounts"] or []:
        if discount["promotion_code"]:
            redemption.usable_code(discount["promotion_code"], customer, "promotion_code", order)
        redemption.usable_coupon(_coupon(discount)["id"], "promotion_code")


def apply(session: Json) -> None:
    """Take the session's discounts off its lines, put its taxes on, and add it up again."""
    lines = session["_lines"]
    for line in lines:
        line |= {"amount_discount": 0, "amount_tax": 0, "amount_total": line["amount_subtotal"], "_cuts": []}
    for discount in session["discounts"] or []:
        coupon = _coupon(discount)
        cut = discounts.cut(coupon, session["currency"])
        for line in lines:
            line["_cuts"].append(0)
        takes = [line for line in lines if discounts.covers(coupon, line["price"]["product"])]
        if cut is None:
            continue
        parts = totals.discounted([line["amount_total"] for line in takes], cut)
        for line, part in zip(takes, parts, strict=True):
            line["_cuts"][-1] = part
            line["amount_discount"] += part
            line["amount_total"] -= part
    taxes.add(session)
    objects.change(session, _lines=lines, **line_items.totals(lines, session["shipping_cost"]))


def named(session: Json) -> str | None:
    """What the customer sees beside the discount: the code that was typed, or the coupon's name."""
    for discount in session["discounts"] or []:
        if discount["promotion_code"]:
            return str(store.get("promotion_code", discount["promotion_code"])["code"])
        name: str | None = _coupon(discount)["name"]
        return name
    return None


def redeemed(session: Json) -> list[str]:
    """Ids of the discounts that a payment was made with."""
    return [discount["id"] for discount in store.select("discount", {"checkout_session": session["id"]})]


def forms(session: Json) -> list[Json]:
    """The session's discounts as the ``discounts[]`` of a subscription."""
    return [
        {key: value for key, value in discount.items() if value is not None}
        for discount in session["discounts"] or []
    ]


def _put(session: Json, wanted: Json, param: str) -> None:
    customer = store.find("customer", session["customer"]) if session["customer"] else None
    if "promotion_code" in wanted:
        order = redemption.Order(session["amount_subtotal"] or 0, session["currency"])
        code = redemption.usable_code(wanted["promotion_code"], customer, f"{param}[promotion_code]", order)
        coupon_id = code["promotion"]["coupon"]
    else:
        coupon_id = wanted.get("coupon", "")
    coupon = redemption.usable_coupon(coupon_id, f"{param}[coupon]")
    if discounts.cut(coupon, session["currency"]) is None:
        raise InvalidRequest(
            f"The coupon {coupon['id']} takes off an amount in another currency.", param=f"{param}[coupon]"
        )
    shown = {key: wanted.get(key) for key in ("coupon", "promotion_code")}
    if session.get("_subscription"):
        raise InvalidRequest("The discount can't be changed any more: a payment was tried.", param=param)
    objects.change(session, discounts=[shown])
    apply(session)


def _coupon(discount: Json) -> Json:
    if discount["promotion_code"]:
        code = store.get("promotion_code", discount["promotion_code"])
        return store.get("coupon", code["promotion"]["coupon"])
    return store.get("coupon", discount["coupon"])


def redeem(session: Json) -> None:
    """A payment was made with the discount; a subscription redeems its own."""
    if session["mode"] != "payment":
        return
    customer = store.find("customer", session["customer"]) if session["customer"] else None
    wanted = forms(session)
    redemption.redeem_all(wanted, customer, "discounts", agreed=True, checkout_session=session["id"])
