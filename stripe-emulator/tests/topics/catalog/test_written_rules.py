"""What Stripe's specification says in words about coupons, codes and prices, and in no type."""

from __future__ import annotations

from typing import Any, cast

import pytest
import stripe

from ..shop import DAY, Shop, envelope


def refused_param(call: Any, *args: Any, **form: Any) -> str:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        call(*args, cast(Any, form))
    assert refused.value.http_status == 400
    return str(envelope(refused.value)["param"])


def test_a_coupon_is_for_products_that_exist_and_five_years_at_most(shop: Shop) -> None:
    create, now = shop.v1.coupons.create, shop.emulator.now()
    euros = {"eur": {"amount_off": 400}}

    assert refused_param(create, percent_off=5, redeem_by=now + 6 * 365 * DAY) == "redeem_by"
    assert refused_param(create, percent_off=5, currency_options=euros) == "currency_options"
    nothing = refused_param(create, percent_off=5, applies_to={"products": ["prod_none"]})
    assert nothing == "applies_to[products][0]"
    coupon = create({"percent_off": 5, "redeem_by": now + 4 * 365 * DAY})
    changed = refused_param(shop.v1.coupons.update, coupon.id, currency_options=euros)
    assert changed == "currency_options"


def test_a_code_lives_no_longer_than_its_coupon_and_is_redeemed_no_more_often(shop: Shop) -> None:
    ends = shop.emulator.now() + 10 * DAY
    coupon = shop.v1.coupons.create({"percent_off": 5, "redeem_by": ends, "max_redemptions": 3})
    promotion: Any = {"type": "coupon", "coupon": coupon.id}
    create = shop.v1.promotion_codes.create

    assert refused_param(create, promotion=promotion, expires_at=ends + 1) == "expires_at"
    assert refused_param(create, promotion=promotion, max_redemptions=4) == "max_redemptions"
    code = create({"promotion": promotion, "expires_at": ends, "max_redemptions": 3})
    assert (code.expires_at, code.max_redemptions) == (ends, 3)


def test_tiers_are_of_units_and_not_of_packages(shop: Shop) -> None:
    product = shop.v1.products.create({"name": "Calls"})

    refused = refused_param(
        shop.v1.prices.create,
        product=product.id,
        currency="usd",
        recurring={"interval": "month"},
        billing_scheme="tiered",
        tiers_mode="volume",
        tiers=[{"up_to": "inf", "unit_amount": 1}],
        transform_quantity={"divide_by": 10, "round": "up"},
    )

    assert refused == "transform_quantity"


def test_whether_a_price_contains_its_tax_is_decided_once(shop: Shop) -> None:
    price = shop.price()
    shop.v1.prices.update(price, {"tax_behavior": "exclusive"})

    assert refused_param(shop.v1.prices.update, price, tax_behavior="inclusive") == "tax_behavior"
    same = shop.v1.prices.update(price, {"tax_behavior": "exclusive", "nickname": "Net"})
    assert (same.tax_behavior, same.nickname) == ("exclusive", "Net")
