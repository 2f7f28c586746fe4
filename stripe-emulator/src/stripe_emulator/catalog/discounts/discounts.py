"""Discounts: who has which, how long they run, and what their coupons take off.

Its holder (customer, subscription, item, invoice) names a discount by its id. It is kept when its
holder drops it: old invoices still show it.
https://docs.stripe.com/billing/subscriptions/coupons
"""

from __future__ import annotations

from decimal import Decimal

from stripe_emulator.catalog.sums.totals import Cut
from stripe_emulator.core import money
from stripe_emulator.core.database import store
from stripe_emulator.core.time import clock
from stripe_emulator.core.types import Json
from stripe_emulator.events import events, objects


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
