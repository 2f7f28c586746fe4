"""Stripe keeps a 500 under the key of a request that came to nothing, and repeats it to who asks again."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import URL

from flask_prepaid.errors import GatewayUnavailable
from flask_prepaid.payments.models import PaymentState
from flask_prepaid.purchases.money_back import refunds

from .answering import Answer, with_answers

KEPT: Answer = (
    json.dumps({"error": {"type": "api_error", "message": "An unknown error occurred."}}),
    500,
    {"content-type": "application/json", "idempotent-replayed": "true"},
)

#: So often the SDK asks, in one call of ours.
ATTEMPTS = 3


def test_a_wish_whose_page_failed_gets_one_under_another_key_once_it_is_known_that_none_was_made(
    database: URL,
) -> None:
    shop, between = with_answers(database)
    shop.keep_card()
    wish = {"pack": "starter", "attempt": "one-wish-0001"}
    between.keys.clear()
    for _ in range(2):
        between.first = [KEPT] * ATTEMPTS
        assert shop.send_form(shop.browser(), "/prepaid/buy", **wish).status_code == 503
    assert len(set(between.keys)) == 1

    shop.put_right()
    shop.pay(shop.session_of(shop.send_form(shop.browser(), "/prepaid/buy", **wish)))
    shop.put_right()

    assert len(set(between.keys)) == 2
    assert (shop.balance(), len(shop.charges())) == (100, 1)
    shop.close()


def test_a_charge_that_failed_is_given_up_and_the_next_press_charges_once(database: URL) -> None:
    shop, between = with_answers(database)
    card = shop.keep_card()
    between.first = [KEPT] * ATTEMPTS
    assert "Do not pay again" in shop.press(card).text

    shop.put_right()
    assert [payment.state for payment in shop.payments()] == [PaymentState.FAILED]
    page = shop.press(card)

    assert "100 credits added" in page.text
    assert (shop.balance(), len(shop.charges())) == (100, 1)
    shop.close()


def test_a_refund_that_failed_keeps_its_key_until_stripe_has_forgotten_it(database: URL) -> None:
    """Stripe may still make it, in repairing what its bad day broke: under two keys it would be two."""
    shop, between = with_answers(database)
    shop.press(shop.keep_card())
    (payment,) = shop.payments()
    between.keys.clear()
    between.first = [KEPT] * ATTEMPTS
    with pytest.raises(GatewayUnavailable):
        shop.read(lambda: refunds.refund(shop.prepaid, payment.id, amount_minor=250, reason="asked for"))
    for _ in range(3):
        between.first = [KEPT] * ATTEMPTS
        shop.stripe.advance(hours=6)
        shop.command("tick")
        assert between.first == []
    assert "Stripe's answer was lost" in shop.command("reconcile").output

    shop.stripe.advance(hours=6)
    shop.put_right()

    assert len(set(between.keys)) == 1
    assert [refund.amount for refund in shop.dashboard().v1.refunds.list().data] == [250]
    assert shop.balance() == 50
    shop.close()
