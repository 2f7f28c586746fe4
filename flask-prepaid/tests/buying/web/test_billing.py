"""The page with all of a customer's money, and the banners of what needs the customer."""

from __future__ import annotations

import re

from ..shop import Shop


def test_billing_has_every_payment_with_its_card_and_folds_what_nobody_paid(shop: Shop) -> None:
    empty = shop.browser().get("/prepaid/billing").text
    shop.pay(shop.buy())
    shop.stripe.expire(shop.buy())
    shop.press(shop.keep_card(number="4000000000000341"))

    page = shop.browser().get("/prepaid/billing").text
    paid, _, folded = page.partition("<details")

    assert "Buy your first credits" in empty
    assert re.search(r"Visa 4242</td>.*100</td>.*\$5\.00</td>\s*<td>Paid</td>", paid, re.S)
    assert ">Receipt<" in paid
    assert "2 tries that nobody paid" in folded
    assert folded.count("Not paid") == 2
    assert ">Receipt<" not in folded
