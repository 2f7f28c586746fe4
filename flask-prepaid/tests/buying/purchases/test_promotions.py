"""Promotion codes on Stripe's page: less is paid, the same credits come, and a refund takes its share."""

from __future__ import annotations

import pytest

from flask_prepaid.purchases.money_back import refunds

from ..shop import Shop, ShopWith


@pytest.fixture
def fair(shop_with: ShopWith) -> Shop:
    """A shop where LESS takes a fifth off, and ALL takes all."""
    shop = shop_with(PREPAID_PROMOTION_CODES=True)
    make_codes(shop, {"LESS": 20, "ALL": 100})
    return shop


def make_codes(shop: Shop, percents: dict[str, int]) -> None:
    """Make codes that take so many percent off."""
    client = shop.dashboard()
    for code, percent in percents.items():
        coupon = client.v1.coupons.create({"percent_off": percent, "duration": "once"})
        client.v1.promotion_codes.create({"code": code, "promotion": {"type": "coupon", "coupon": coupon.id}})


def pay_with(shop: Shop, code: str, *, pack: str = "starter") -> str:
    session = shop.buy(pack=pack)
    typed = shop.stripe.browser().post(f"/pay/{session}/promotion", data={"promotion_code": code})
    assert typed.status_code < 400, typed.text
    shop.pay(session)
    return session


def test_a_code_makes_it_cheaper_and_gives_the_same_credits(fair: Shop) -> None:
    session = pay_with(fair, "LESS")

    assert "100 credits added for $4.00" in fair.come_back(session).text
    assert (fair.balance(), fair.payments()[0].paid_minor, fair.payments()[0].amount_minor) == (100, 400, 500)


def test_a_refund_of_what_was_paid_takes_all_credits_back(fair: Shop) -> None:
    pay_with(fair, "LESS")

    fair.read(lambda: refunds.refund(fair.prepaid, 1, amount_minor=200, reason="half", key="half"))
    fair.stripe.deliver()
    assert fair.balance() == 50
    fair.read(lambda: refunds.refund(fair.prepaid, 1, amount_minor=200, reason="rest", key="rest"))
    fair.stripe.deliver()
    assert fair.balance() == 0


def test_with_a_code_for_all_of_it_nothing_is_charged_and_the_credits_come(fair: Shop) -> None:
    session = pay_with(fair, "ALL")

    assert "100 credits added" in fair.come_back(session).text
    assert (fair.balance(), fair.payments()[0].paid_minor, fair.charges()) == (100, 0, [])


def test_a_code_that_is_none_is_refused_on_the_page_and_changes_nothing(fair: Shop) -> None:
    session = fair.buy()

    typed = fair.stripe.browser().post(f"/pay/{session}/promotion", data={"promotion_code": "NONE"})

    assert typed.status_code == 422
    fair.pay(session)
    assert fair.payments()[0].paid_minor == 500
