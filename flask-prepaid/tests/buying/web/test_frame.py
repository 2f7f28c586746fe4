"""The frame of a host that has none of its own: what stands above a customer's pages, and an operator's."""

from __future__ import annotations

from flask_prepaid import Operator, Operators, Role

from ..shop import ShopWith


def test_a_test_card_is_shown_to_customers_and_not_to_operators(shop_with: ShopWith) -> None:
    shop = shop_with(operators=Operators(current=lambda: Operator("finance", Role.FINANCE)))
    browser = shop.browser()

    customers, operators = (browser.get(path).text for path in ("/prepaid/buy", "/prepaid/admin"))

    for page, card, menu in ((customers, True, False), (operators, False, True)):
        assert "Test mode, no real money." in page
        assert ("Pay with card" in page) is card
        assert ('class="shop-menu"' in page) is menu
