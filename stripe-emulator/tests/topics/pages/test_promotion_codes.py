"""A promotion code is refused where a customer types it for what it can't be used for, as by the API."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.test import Client

from stripe_emulator import Emulator

from .test_hosted_pages import alert, session

DAY = 24 * 60 * 60
OVER = "This promotion code is no longer active."


def code(stripe: Any, coupon: dict[str, Any] | None = None, **more: Any) -> str:
    """A code of five dollars off, unless its coupon is another."""
    made = stripe.coupons.create({"amount_off": 500, "currency": "usd", "duration": "once"} | (coupon or {}))
    promotion = {"type": "coupon", "coupon": made.id}
    return str(stripe.promotion_codes.create({"promotion": promotion, "code": "AUTUMN", **more}).code)


def entered(visitor: Client, order: Any, text: str) -> Any:
    return visitor.post(f"/pay/{order.id}/promotion", data={"promotion_code": text})


def refusal(stripe: Any, visitor: Client, text: str, **params: Any) -> str:
    """What the page says to a code; the order costs what it did."""
    order = session(stripe, allow_promotion_codes=True, **params)
    page = entered(visitor, order, text)
    assert page.status_code == 422
    assert stripe.checkout.sessions.retrieve(order.id).amount_total == 2000
    return alert(page)


def test_a_code_that_was_turned_off_or_is_past_its_day(
    stripe: Any, visitor: Client, stripe_emulator: Emulator
) -> None:
    text = code(stripe, expires_at=stripe_emulator.now() + DAY)
    order = session(stripe, allow_promotion_codes=True)
    assert entered(visitor, order, text).status_code == 303

    stripe_emulator.advance(days=2)

    assert refusal(stripe, visitor, text) == OVER
    [promotion] = stripe.promotion_codes.list().data
    stripe.promotion_codes.update(promotion.id, {"active": False})
    assert refusal(stripe, visitor, text) == "This code is invalid."


def test_a_code_that_enough_have_used(stripe: Any, visitor: Client, stripe_emulator: Emulator) -> None:
    text = code(stripe, max_redemptions=1)
    first = session(stripe, allow_promotion_codes=True)
    entered(visitor, first, text)
    stripe_emulator.pay(first)

    assert refusal(stripe, visitor, text) == OVER


@pytest.mark.parametrize("limit", ["redeem_by", "max_redemptions"])
def test_a_coupon_that_is_over(stripe: Any, visitor: Client, stripe_emulator: Emulator, limit: str) -> None:
    text = code(stripe, {limit: stripe_emulator.now() + DAY if limit == "redeem_by" else 1})
    first = session(stripe, allow_promotion_codes=True)
    entered(visitor, first, text)
    stripe_emulator.pay(first)
    stripe_emulator.advance(days=2)

    assert refusal(stripe, visitor, text).startswith("Coupon expired: ")


def test_a_code_of_somebody_else(stripe: Any, visitor: Client) -> None:
    jo, sam = (stripe.customers.create({"email": "jo@example.com"}).id for _ in range(2))
    text = code(stripe, customer=jo)

    assert "cannot be redeemed by this customer" in refusal(stripe, visitor, text, customer=sam)
    assert "cannot be redeemed by this customer" in refusal(stripe, visitor, text)
    order = session(stripe, allow_promotion_codes=True, customer=jo)
    assert entered(visitor, order, text).status_code == 303


def test_a_code_for_the_first_order(stripe: Any, visitor: Client, stripe_emulator: Emulator) -> None:
    jo = stripe.customers.create({"email": "jo@example.com"}).id
    text = code(stripe, restrictions={"first_time_transaction": True})
    order = session(stripe, allow_promotion_codes=True, customer=jo)
    assert entered(visitor, order, text).status_code == 303

    stripe_emulator.pay(order)

    assert "prior transactions" in refusal(stripe, visitor, text, customer=jo)


def test_a_code_for_larger_orders(stripe: Any, visitor: Client) -> None:
    rules = {"minimum_amount": 2001, "minimum_amount_currency": "usd"}
    text = code(stripe, restrictions=rules)

    assert refusal(stripe, visitor, text) == "This promotion code is for orders of $20.01 or more."


def test_a_code_whose_coupon_is_in_another_currency(stripe: Any, visitor: Client) -> None:
    assert "another currency" in refusal(stripe, visitor, code(stripe, {"currency": "eur"}))


def test_two_who_typed_the_last_one_are_not_both_served(
    stripe: Any, visitor: Client, stripe_emulator: Emulator
) -> None:
    text = code(stripe, max_redemptions=1)
    first, second = (session(stripe, allow_promotion_codes=True) for _ in range(2))
    for order in (first, second):
        assert entered(visitor, order, text).status_code == 303
    stripe_emulator.pay(first)

    form = {"email": "jo@example.com", "card_number": "4242 4242 4242 4242", "card_expiry": "12/34"}
    late = visitor.post(f"/pay/{second.id}", data={**form, "card_cvc": "123", "name": "Jo"})

    assert late.status_code == 422
    assert stripe.checkout.sessions.retrieve(second.id).payment_status == "unpaid"


def test_by_stripe_js_nobody_changes_the_discount_of_the_shop_or_of_what_is_paid(
    stripe: Any, visitor: Client, stripe_emulator: Emulator
) -> None:
    text = code(stripe)
    coupon = stripe.coupons.create({"percent_off": 50, "duration": "once"}).id
    form = {
        "mode": "payment",
        "ui_mode": "elements",
        "return_url": "https://shop.example/thanks",
        "line_items": [
            {
                "quantity": 2,
                "price_data": {"currency": "usd", "unit_amount": 1000, "product_data": {"name": "Pack"}},
            }
        ],
    }
    given = stripe.checkout.sessions.create({**form, "discounts": [{"coupon": coupon}]})
    paid = stripe.checkout.sessions.create({**form, "allow_promotion_codes": True})
    stripe_emulator.pay(paid)

    answers = [
        visitor.post(
            f"/js/sessions/{order.id}",
            data={"key": "pk_test_shop", "client_secret": order.client_secret, **field},
        )
        for order, field in (
            (given, {"promotion_code": ""}),
            (given, {"promotion_code": text}),
            (paid, {"promotion_code": text}),
            (paid, {"email": "other@example.com"}),
        )
    ]

    assert [answer.status_code for answer in answers] == [400] * 4
    totals = [stripe.checkout.sessions.retrieve(order.id).amount_total for order in (given, paid)]
    assert totals == [1000, 2000]
