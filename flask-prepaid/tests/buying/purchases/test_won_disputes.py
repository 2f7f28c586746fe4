"""A dispute was won, and the money is here again: it can be refunded like any other."""

from __future__ import annotations

import pytest

from flask_prepaid.purchases.money_back import refunds
from prepaid_ledger.errors import NothingToReverse

from ..shop import Shop


@pytest.fixture
def won(shop: Shop) -> Shop:
    """A customer has paid $5.00 for 100 credits; their bank has disputed that, and lost."""
    shop.pay(shop.buy())
    opened = shop.stripe.dispute(shop.payments()[0].payment_intent_id)
    with pytest.raises(NothingToReverse, match="taken payment 1 back"):
        refund_here(shop)
    shop.stripe.dispute(dispute=opened["id"], outcome="won")
    assert shop.balance() == 100
    return shop


def refund_here(shop: Shop, minor: int | None = None) -> None:
    shop.read(lambda: refunds.refund(shop.prepaid, 1, amount_minor=minor, reason="asked for"))


def test_what_was_won_back_is_refunded_with_its_credits(won: Shop) -> None:
    refund_here(won, 200)
    assert (won.balance(), won.payments()[0].refunded_minor) == (60, 200)

    won.dashboard().v1.refunds.create({"payment_intent": won.payments()[0].payment_intent_id or ""})
    won.stripe.deliver()

    assert (won.balance(), won.payments()[0].refunded_minor) == (0, 500)
    assert won.command("reconcile").exit_code == 0


def test_the_page_offers_it_again(won: Shop) -> None:
    refund_here(won)

    assert won.read(lambda: won.prepaid.payments("user:1"))[0].shown_state == "refunded"
