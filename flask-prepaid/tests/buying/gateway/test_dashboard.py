"""Where an operator's page leads for an object at Stripe."""

from __future__ import annotations

import pytest
from flask import Flask

from flask_prepaid import config
from flask_prepaid.gateway import dashboard

EMULATOR = "http://127.0.0.1:12111"
LIVE_BASE = "https://api.stripe.com"


@pytest.mark.parametrize(
    ("mode", "api_base", "stripe_id", "address"),
    [
        ("live", None, "pi_1", "https://dashboard.stripe.com/payments/pi_1"),
        ("live", LIVE_BASE, "cus_1", "https://dashboard.stripe.com/customers/cus_1"),
        ("live", None, "cs_1", None),
        ("test", None, "sub_1", "https://dashboard.stripe.com/test/subscriptions/sub_1"),
        ("test", EMULATOR, "cs_1", "http://127.0.0.1:12111/find?q=cs_1"),
    ],
)
def test_an_object_is_found_in_the_dashboard_of_its_mode(
    mode: str, api_base: str | None, stripe_id: str, address: str | None
) -> None:
    app = Flask("shop")
    app.config.update(
        PREPAID_STRIPE_SECRET_KEY=f"sk_{mode}_shop",
        PREPAID_STRIPE_PUBLISHABLE_KEY=f"pk_{mode}_shop",
        PREPAID_STRIPE_WEBHOOK_SECRET="whsec_shop",
        PREPAID_STRIPE_API_BASE=api_base,
    )

    assert dashboard.page_of(config.read(app), stripe_id) == address
