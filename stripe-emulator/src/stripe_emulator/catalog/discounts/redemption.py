"""Who may use a coupon or a promotion code, and the discount that comes of it."""

from __future__ import annotations

from dataclasses import dataclass

from stripe_emulator.catalog.discounts import discounts
from stripe_emulator.core import money
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.time import clock, due_work
from stripe_emulator.core.time.clock import add_months
from stripe_emulator.core.types import Json
from stripe_emulator.events import objects


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
    discounts.refresh(coupon)
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
    if due_work.somebody_asks() and discounts.cut(coupon, order.currency) is None:
        raise InvalidRequest(
            f"The coupon {coupon['id']} takes nothing off in the currency {order.currency}.", param=param
        )


def usable_coupon(coupon_id: str, param: str) -> Json:
    """:raises InvalidRequest: There is no such coupon, or it can't be redeemed any more."""
    coupon = store.named("coupon", coupon_id, param)
    discounts.refresh(coupon)
    if not coupon["valid"] and due_work.somebody_asks():
        raise InvalidRequest(f"Coupon expired: {coupon['id']}", code="coupon_expired", param=param)
    return coupon


def running_code(code_id: str, param: str) -> Json:
    """A promotion code, whoever may redeem it.

    :raises InvalidRequest: There is no such code, it is not active or used up, or its coupon is.
    """
    code = store.named("promotion_code", code_id, param)
    if due_work.somebody_asks():
        if not code["active"] or discounts.is_over(code):
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


def _has_paid(customer: Json) -> bool:
    paid = {"customer": customer["id"], "status": "succeeded"}
    return bool(store.select("payment_intent", paid, limit=1))


def _end(coupon: Json) -> int | None:
    if coupon["duration"] != "repeating":
        return None
    return add_months(clock.now(), coupon["duration_in_months"])
