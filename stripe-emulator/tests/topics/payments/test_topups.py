"""The account's owner brings money into its balance."""

from __future__ import annotations

import pytest
import stripe

from ..shop import Shop


def test_money_that_is_brought_in_is_there_some_days_later(shop: Shop) -> None:
    topup = shop.v1.topups.create({"amount": 2000, "currency": "usd", "description": "For refunds"})
    before = shop.balance()
    shop.advance(days=6)
    done = shop.v1.topups.retrieve(topup.id)

    assert (topup.status, done.status) == ("pending", "succeeded")
    assert (before, shop.balance()) == ((0, 0), (2000, 0))
    assert done.balance_transaction is not None
    assert [each for each in shop.listen() if each.startswith("topup")] == [
        "topup.created",
        "topup.succeeded",
    ]


def test_money_that_is_called_off_never_comes(shop: Shop) -> None:
    topup = shop.v1.topups.create({"amount": 2000, "currency": "usd"})
    shop.v1.topups.cancel(topup.id)
    shop.advance(days=6)

    assert shop.balance() == (0, 0)
    assert [each.id for each in shop.v1.topups.list({"status": "canceled"}).data] == [topup.id]
    with pytest.raises(stripe.InvalidRequestError, match="cannot be canceled"):
        shop.v1.topups.cancel(topup.id)
