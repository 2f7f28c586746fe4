"""The JSON API where a call is sent again, or asks for what it may not: nothing is charged twice or unseen."""

from __future__ import annotations

import pytest

from ..shop import Shop, ShopWith
from .test_api import PLANS, App


@pytest.fixture
def shop(shop_with: ShopWith) -> Shop:
    return shop_with(PREPAID_JSON_API=True, plans=PLANS)


@pytest.fixture
def app(shop: Shop) -> App:
    return App(shop).begin()


def test_what_costs_more_than_was_shown_is_not_charged(shop: Shop, app: App) -> None:
    wish = {"saved_card": shop.keep_card(), "pack": "starter"}

    for key, most in (("1", 499), ("2", 0), ("3", 1)):
        error = app.ask("POST", "/charge", status=422, key=key, max_minor=most, **wish)["error"]
        assert error["param"] == "max_minor"
        assert "$5.00" in error["message"]

    assert (shop.payments(), shop.charges()) == ([], [])
    assert app.ask("POST", "/charge", key="3", max_minor=500, **wish)["payment"]["state"] == "paid"
