"""What stops a top-up, and what does not; whose a key is, and whose a charge."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import URL

from flask_prepaid import Pack
from flask_prepaid.context import transaction
from flask_prepaid.payments.models import PaymentState
from flask_prepaid.purchases import settling
from flask_prepaid.purchases.money_back.disputes import warning_refunds
from prepaid_ledger.errors import KeyReused

from ..gateway.answering import refusal, with_answers
from ..shop import Shop, ShopWith
from .test_cards import leave_card
from .test_fraud_warnings import WARNS, waiting
from .test_topups import setting, spend, switch_on, topped_up

PAID, FAILED = PaymentState.PAID, PaymentState.FAILED
NOT_ALLOWED = refusal(403, "more_permissions_required")


def open_page(shop: Shop, pack: str) -> str:
    """The address of a page that the host opens under its key."""
    home = "https://shop.example/"
    return str(
        shop.read(
            lambda: shop.prepaid.checkout(
                "user:1", pack=pack, key="ticket-17", success_url=home, cancel_url=home
            )
        )
    )


def test_a_warning_waits_only_while_a_charge_has_money_left(shop: Shop) -> None:
    shop.stripe.pay(shop.buy(), card=WARNS)
    assert waiting(shop) == 1

    shop.change_payments(charged_minor=200, refunded_minor=200)  # the rest was paid from a balance

    assert waiting(shop) == 0
    assert shop.read(lambda: warning_refunds.due(shop.prepaid)) == []
    shop.change_payments(charged_minor=500, refunded_minor=0)


def test_the_first_word_of_a_dispute_stops_auto_top_up(shop: Shop) -> None:
    leave_card(shop)
    switch_on(shop, ceiling_minor=5_000)
    shop.tick()

    shop.stripe.dispute(charge=shop.charges()[0].id, reason="inquiry")
    shop.stripe.deliver()
    spend(shop, 90, "report:1")
    shop.tick()

    assert topped_up(shop) == [PAID]
    assert setting(shop).stopped == "a payment of yours is disputed"


def test_credits_that_were_spent_and_whose_rest_lapsed_are_bought_again(shop_with: ShopWith) -> None:
    week = Pack("week", credits=120, amount_minor=1_000, expires_after=timedelta(days=7))
    shop = shop_with(packs=[week])
    shop.stripe.reset(now=1_769_904_000)  # 1 February 2026
    leave_card(shop)
    switch_on(shop, pack="week", ceiling_minor=1_000)
    shop.tick()
    spend(shop, 115, "report:1")
    shop.tick()
    assert topped_up(shop) == [PAID]

    shop.stripe.advance(days=8)
    shop.tick()
    assert (shop.balance(), setting(shop).stopped) == (0, None)

    shop.stripe.advance(days=24)
    shop.tick()
    assert topped_up(shop) == [PAID, PAID]


def test_what_stripe_itself_refuses_is_no_sign_of_a_card_tester(database: URL) -> None:
    shop, between = with_answers(database, PREPAID_DECLINES_PER_HOUR=1)
    card = shop.keep_card()
    between.first = [NOT_ALLOWED]
    shop.press(card)

    shop.press(card)

    assert [payment.state for payment in shop.payments()] == [FAILED, PAID]
    shop.close()


def test_a_form_cannot_take_the_name_of_a_top_up_or_of_the_hosts_key(shop: Shop) -> None:
    leave_card(shop)
    switch_on(shop)
    for taken in (f"topup-{setting(shop).after_payment}-0", "ticket-17"):
        shop.send_form(shop.browser(), "/prepaid/buy", pack="berlin", attempt=taken)

    shop.tick()

    assert topped_up(shop) == [PAID]
    assert open_page(shop, "starter")


def test_a_key_that_has_asked_for_something_else_is_named_and_told_in_one_sentence(shop: Shop) -> None:
    open_page(shop, "starter")

    with pytest.raises(KeyReused) as raised:
        open_page(shop, "berlin")

    assert raised.value.key == "ticket-17"
    assert str(raised.value) == "This was already asked for with another choice. Go back and choose again."


def test_a_charge_whose_account_was_closed_meanwhile_is_not_called_a_strangers(deaf_shop: Shop) -> None:
    session = deaf_shop.buy()
    deaf_shop.pay(session)
    deaf_shop.change_payments(session_id=None)  # the answer that named it was lost
    fetched = deaf_shop.at_stripe(session)
    deaf_shop.read(lambda: deaf_shop.prepaid.remove_customer("user:1"))

    def settle() -> None:
        with transaction(deaf_shop.prepaid):
            settling.settle(deaf_shop.prepaid, fetched)

    deaf_shop.read(settle)

    (payment,) = deaf_shop.payments()
    assert payment.state is PaymentState.NEEDS_REVIEW
    assert "belongs to a customer who is gone" in str(payment.failure)
