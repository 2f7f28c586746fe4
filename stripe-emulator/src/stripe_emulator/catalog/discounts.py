"""Coupons and promotion codes: who may use them, and what they take off.

A redemption makes a discount, which its holder (customer, subscription, item, invoice) names by
id. The discount is kept when its holder drops it: old invoices still show it.
https://docs.stripe.com/billing/subscriptions/coupons
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from stripe_emulator.catalog.totals import Cut
from stripe_emulator.core import clock, due_work, money, store
from stripe_emulator.core.clock import add_months
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.types import Json
from stripe_emulator.events import events, objects


@dataclass(frozen=True)
class Order:
    """What a discount is wanted for: the sum before it, in minor units, and its currency."""

    amount: int
    currency: str


def redeem_all(
    wanted: list[Json] | str | None,
    customer: Json | None,
    param: str,
    *,
    order: Order | None = None,
    agreed: bool = False,
    **holder: str,
) -> list[str]:
    """Ids of the discounts that ``discounts[]`` of a form asks for; "" asks for none.

    :param order: What they are to be taken off, as far as it is known: some codes have a minimum.
    :param agreed: They were checked when somebody paid, and are not refused any more.
    :param holder: Who will hold them: ``subscription="sub_1"``.
    :raises InvalidRequest: One of them is no longer valid, or not for this customer.
    """
    if not wanted or isinstance(wanted, str):
        return []
    return [
        redeem(form, customer, f"{param}[{number}]", order=order, agreed=agreed, **holder)["id"]
        for number, form in enumerate(wanted)
        if form and not _was_deleted(form)
    ]


def _was_deleted(wanted: Json) -> bool:
    """Whether time comes to a coupon that was deleted since a schedule has named it: it takes nothing off.

    Stripe says that a deleted coupon can't be redeemed, and not what becomes of such a phase.
    """
    if due_work.somebody_asks():
        return False
    code = store.find("promotion_code", wanted.get("promotion_code") or "")
    coupon = store.find("coupon", code["promotion"]["coupon"] if code else wanted.get("coupon") or "")
    return coupon is not None and bool(coupon.get("deleted"))


def redeem(
    wanted: Json,
    customer: Json | None,
    param: str,
    *,
    order: Order | None = None,
    agreed: bool = False,
    **holder: str,
) -> Json:
    """One discount from a coupon, a promotion code, or the id of a discount that is there.

    :param param: What holds ``wanted`` in the caller's form; "" for the form itself.
    """
    if "discount" in wanted:
        return store.named("discount", wanted["discount"], _within(param, "discount"))
    promotion_code = None
    if "promotion_code" in wanted:
        promotion_code = (
            store.get("promotion_code", wanted["promotion_code"])
            if agreed
            else usable_code(wanted["promotion_code"], customer, _within(param, "promotion_code"), order)
        )
        coupon_id = promotion_code["promotion"]["coupon"]
    else:
        coupon_id = wanted.get("coupon", "")
    coupon = store.get("coupon", coupon_id) if agreed else usable_coupon(coupon_id, _within(param, "coupon"))
    if order is not None and not agreed:
        _check_currency(coupon, order, param)
    objects.change(coupon, times_redeemed=coupon["times_redeemed"] + 1)
    refresh(coupon)
    if promotion_code is not None:
        objects.change(promotion_code, times_redeemed=promotion_code["times_redeemed"] + 1)
    return objects.create(
        "discount",
        customer=customer and customer["id"],
        promotion_code=promotion_code and promotion_code["id"],
        source={"coupon": coupon["id"], "type": "coupon"},
        start=clock.now(),
        end=_end(coupon),
        **holder,
    )


def _within(param: str, name: str) -> str:
    return f"{param}[{name}]" if param else name


def _check_currency(coupon: Json, order: Order, param: str) -> None:
    """:raises InvalidRequest: The coupon takes an amount off, in other currencies than the order's."""
    if due_work.somebody_asks() and cut(coupon, order.currency) is None:
        raise InvalidRequest(
            f"The coupon {coupon['id']} takes nothing off in the currency {order.currency}.", param=param
        )


def usable_coupon(coupon_id: str, param: str) -> Json:
    """:raises InvalidRequest: There is no such coupon, or it can't be redeemed any more."""
    coupon = store.named("coupon", coupon_id, param)
    refresh(coupon)
    if not coupon["valid"] and due_work.somebody_asks():
        raise InvalidRequest(f"Coupon expired: {coupon['id']}", code="coupon_expired", param=param)
    return coupon


def running_code(code_id: str, param: str) -> Json:
    """A promotion code, whoever may redeem it.

    :raises InvalidRequest: There is no such code, it is not active or used up, or its coupon is.
    """
    code = store.named("promotion_code", code_id, param)
    if due_work.somebody_asks():
        if not code["active"] or is_over(code):
            raise InvalidRequest(
                "This promotion code is no longer active.", code="promotion_code_expired", param=param
            )
        usable_coupon(code["promotion"]["coupon"], param)
    return code


def usable_code(code_id: str, customer: Json | None, param: str, order: Order | None = None) -> Json:
    """:raises InvalidRequest: The code is not active, used up, someone else's, or for larger orders."""
    code = running_code(code_id, param)
    if not due_work.somebody_asks():
        return code
    if code["customer"] is not None and (customer is None or code["customer"] != customer["id"]):
        raise InvalidRequest(
            "This promotion code cannot be redeemed by this customer.",
            code="promotion_code_customer_mismatch",
            param=param,
        )
    if code["restrictions"]["first_time_transaction"] and customer is not None and _has_paid(customer):
        raise InvalidRequest(
            "This promotion code cannot be redeemed because the associated customer has prior transactions.",
            code="customer_not_first_time",
            param=param,
        )
    if order is not None:
        _check_minimum(code, order, param)
    return code


def _check_minimum(code: Json, order: Order, param: str) -> None:
    """:raises InvalidRequest: The order is below the minimum of the code, or in a currency that has none."""
    rules, currency = code["restrictions"], order.currency
    minimum: int | None = rules["minimum_amount"]
    if option := (rules.get("currency_options") or {}).get(currency):
        minimum = option["minimum_amount"]
    elif minimum is not None:
        currency = rules["minimum_amount_currency"] or currency
    if minimum is not None and (order.amount < minimum or order.currency != currency):
        raise InvalidRequest(
            f"This promotion code is for orders of {money.text(minimum, currency)} or more.",
            code="promotion_code_minimum_amount",
            param=param,
        )


def refresh(coupon: Json) -> None:
    """``valid`` follows the clock and the number of redemptions."""
    used_up = coupon["max_redemptions"] is not None and coupon["times_redeemed"] >= coupon["max_redemptions"]
    over = coupon["redeem_by"] is not None and coupon["redeem_by"] <= clock.now()
    objects.change(coupon, valid=not (used_up or over))


def is_active(code: Json) -> bool:
    """Whether a promotion code works: nobody turned it off, and neither it nor its coupon is over."""
    coupon = store.get("coupon", code["promotion"]["coupon"])
    if not coupon.get("deleted"):
        refresh(coupon)
    return bool(code["active"] and coupon["valid"] and not is_over(code))


def is_over(code: Json) -> bool:
    """Whether a promotion code is used up, or its time is over."""
    used_up = code["max_redemptions"] is not None and code["times_redeemed"] >= code["max_redemptions"]
    return used_up or (code["expires_at"] is not None and code["expires_at"] <= clock.now())


def give(holder: Json, discount: Json) -> None:
    """Put a discount on a customer, whose subscriptions then use it unless they have their own."""
    before: Json | None = holder["discount"]
    objects.change(holder, "customer.updated", discount=discount)
    if before is None:
        events.emit("customer.discount.created", discount)
    else:
        previous = {key: before[key] for key in before if before[key] != discount.get(key)}
        events.emit("customer.discount.updated", discount, previous=previous)


def take_from_customer(customer: Json) -> Json:
    """The customer's discount, taken away; Stripe answers with it as deleted."""
    discount: Json = customer["discount"]
    objects.change(customer, discount=None)
    return ended(discount["id"])


def ended(discount_id: str) -> Json:
    """A discount that its holder has dropped, as Stripe answers, with its event."""
    discount = store.get("discount", discount_id)
    gone = {key: value for key, value in discount.items() if key != "end"} | {"deleted": True}
    events.emit("customer.discount.deleted", gone)
    return gone


def effective(subscription: Json | None, customer: Json) -> list[Json]:
    """The discounts that an invoice gets by itself: the subscription's own, else the customer's."""
    held = subscription["discounts"] if subscription else []
    if not held and customer.get("discount"):
        held = [customer["discount"]["id"]]
    return [discount for discount in map(_load, held) if is_running(discount)]


def is_running(discount: Json) -> bool:
    """Whether a discount still takes something off: it has not ended, and is not used up."""
    return not discount.get("_spent") and (discount["end"] is None or discount["end"] > clock.now())


def without_spent(discount_ids: list[str]) -> list[str]:
    """The ids of the discounts that no invoice has used up meanwhile."""
    return [discount_id for discount_id in discount_ids if not _load(discount_id).get("_spent")]


def coupon_of(discount: Json) -> Json:
    """The coupon behind a discount, also when it was deleted since."""
    coupon = store.find("coupon", discount["source"]["coupon"])
    assert coupon is not None, "a coupon in use is kept when it is deleted"
    return coupon


def cut(coupon: Json, currency: str) -> Cut | None:
    """What the coupon takes in this currency, or None if it has no amount in it."""
    coin = money.coin(currency)
    if coupon.get("percent_off") is not None:
        return Cut(percent=Decimal(str(coupon["percent_off"])), coin=coin)
    if coupon.get("currency") == currency:
        return Cut(amount=coupon["amount_off"], coin=coin)
    option = (coupon.get("_currency_options") or {}).get(currency)
    return Cut(amount=option["amount_off"], coin=coin) if option else None


def covers(coupon: Json, product: str | None) -> bool:
    """Whether the coupon is for this product; most are for all."""
    only = coupon.get("_products")
    return not only or product in only


def spend_once(invoice: Json, subscription: Json | None, customer: Json, off_prorations: list[Json]) -> None:
    """A coupon of duration ``once`` leaves its holder with the first invoice that it took something off.

    Also off a proration, whose amount is net of it and shows it with an amount of 0.
    """
    off = [*(invoice["total_discount_amounts"] or []), *off_prorations]
    for discount_id in {amount_off["discount"] for amount_off in off if amount_off["amount"]}:
        discount = _load(discount_id)
        if coupon_of(discount)["duration"] != "once":
            continue
        objects.change(discount, _spent=True)
        if subscription is not None and discount_id in subscription["discounts"]:
            left = [held for held in subscription["discounts"] if held != discount_id]
            objects.change(subscription, discounts=left)
        elif (customer.get("discount") or {}).get("id") == discount_id:
            objects.change(customer, discount=None)
            ended(discount_id)


def _load(discount_id: str) -> Json:
    return store.get("discount", discount_id)


def _end(coupon: Json) -> int | None:
    if coupon["duration"] != "repeating":
        return None
    return add_months(clock.now(), coupon["duration_in_months"])


def _has_paid(customer: Json) -> bool:
    paid = {"customer": customer["id"], "status": "succeeded"}
    return bool(store.select("payment_intent", paid, limit=1))
