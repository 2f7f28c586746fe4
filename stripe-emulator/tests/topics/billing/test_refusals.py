"""What is not done is said by name, and what older accounts send never breaks anything."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
import stripe

from stripe_emulator.api.request import Call, Reply

from ..shop import Shop


@pytest.mark.parametrize(
    "wanted",
    [
        {"billing_thresholds": {"amount_gte": 1000}},
        {"application_fee_percent": 10},
        {"transfer_data": {"destination": "acct_1"}},
    ],
)
def test_what_a_subscription_cannot_have_here_is_refused_by_name(shop: Shop, wanted: dict[str, Any]) -> None:
    with pytest.raises(stripe.APIError) as refused:
        shop.subscribe(shop.customer(), shop.price(), **wanted)

    [name] = wanted
    assert refused.value.http_status == 501
    assert name in str(refused.value)


def older(shop: Shop, path: str, form: dict[str, Any]) -> Reply:
    """A request that names no version, as an old program sends it."""
    headers = {"authorization": "Bearer sk_test_emulator"}
    return shop.emulator.api.answer(Call("POST", path, "", headers, urlencode(form).encode()))


def test_older_accounts_name_a_coupon_itself(shop: Shop) -> None:
    customer, price = shop.customer(), shop.price()
    shop.v1.coupons.create({"id": "HALF", "percent_off": 50, "duration": "once"})

    made = older(shop, "/v1/subscriptions", {"customer": customer, "items[0][plan]": price, "coupon": "HALF"})

    assert made.status == 200
    assert shop.latest(customer).total == 500


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/v1/subscriptions", {"coupon[a]": "b"}),
        ("/v1/subscriptions", {"promotion_code[]": "b"}),
        ("/v1/subscriptions", {"payment_behavior": "hope", "proration_behavior": "perhaps"}),
        ("/v1/invoiceitems", {"unit_amount": "many", "currency": "usd"}),
        ("/v1/invoiceitems", {"unit_amount": "1e999999", "currency": "usd"}),
        ("/v1/promotion_codes", {"coupon[a]": "b", "promotion[type]": "coupon"}),
        ("/v1/subscription_schedules", {"phases[0][iterations]": "x"}),
        ("/v1/subscription_schedules", {"phases[0][duration][interval]": "age"}),
        ("/v1/subscription_schedules", {"phases[0][end_date]": str(2**60)}),
        ("/v1/subscription_schedules", {"start_date": str(2**60)}),
        ("/v1/test_helpers/test_clocks", {"frozen_time": str(2**60)}),
    ],
)
def test_nonsense_of_older_accounts_is_an_error_of_stripe_s(
    shop: Shop, path: str, form: dict[str, str]
) -> None:
    customer, price = shop.customer(), shop.price()
    named = {"customer": customer} if "clock" not in path else {}
    if path.endswith("subscriptions"):
        named["items[0][price]"] = price
    if path.endswith("schedules"):
        named["phases[0][items][0][price]"] = price

    reply = older(shop, path, named | form)
    shop.advance(days=20)

    assert reply.status in (200, 400)
