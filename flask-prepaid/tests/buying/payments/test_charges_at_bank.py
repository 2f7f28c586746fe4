"""A bank has taken back a charge that brought no credits: nobody is sent to refund what Stripe refuses."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from flask_prepaid import Operator, Operators, Role
from flask_prepaid.operations.stripe_events import HEARD
from flask_prepaid.payments.customers import removal
from flask_prepaid.payments.models import PaymentState

from ..purchases.test_fraud_warnings import drift, pay_another
from ..shop import Shop, ShopWith
from ..subscriptions.plan_shop import words

GOOD = "4242424242424242"


def difference(shop: Shop, *options: str) -> str:
    return shop.command("reconcile", *options).output


def test_a_second_charge_is_to_be_refunded_only_while_no_bank_has_it(shop: Shop) -> None:
    shop.pay(shop.buy())
    twice = pay_another(shop, card=GOOD)
    assert f"refund {twice}" in difference(shop)

    opened = shop.stripe.dispute(twice)
    shop.stripe.deliver()
    assert drift(shop) == []
    with pytest.raises(stripe.InvalidRequestError, match="charged back"):
        shop.dashboard().v1.refunds.create({"payment_intent": twice})

    shop.stripe.dispute(dispute=opened["id"], outcome="won")
    shop.stripe.deliver()
    assert f"refund {twice}" in difference(shop)


def test_a_second_charge_that_a_bank_asks_about_is_to_be_refunded(shop: Shop) -> None:
    shop.pay(shop.buy())
    twice = pay_another(shop, card=GOOD)
    shop.stripe.dispute(twice, reason="inquiry")
    shop.stripe.deliver()

    assert f"refund {twice}" in difference(shop)


def test_a_suspected_charge_that_a_bank_has_by_now_is_not_to_be_refunded(shop: Shop) -> None:
    """Stripe says by an event, which is lost, that the warning is answered."""
    shop.pay(shop.buy())
    suspected = pay_another(shop)
    assert "1 charge is suspected" in shop.command("doctor").stderr

    shop.stripe.hear(*[each for each in HEARD if not each.startswith("radar.")])
    shop.stripe.dispute(suspected)

    assert "suspected" not in shop.command("doctor").stderr
    assert "1 dispute waits for evidence" in shop.command("doctor").stderr


def test_a_payment_in_review_whose_money_is_lost_is_not_to_be_refunded(shop_with: ShopWith) -> None:
    shop = shop_with(operators=Operators(current=lambda: Operator("olga", Role.ADMIN)))
    shop.buy()
    wrong = pay_another(shop, 400, card=GOOD)
    assert "or refund the money there" in page(shop)

    opened = shop.stripe.dispute(wrong)
    shop.stripe.dispute(dispute=opened["id"], outcome="lost")
    shop.stripe.deliver()

    assert "refund the money there" not in page(shop)
    assert "The customer's bank has it back: there is nothing to refund" in page(shop)
    assert "nothing can be refunded." in page(shop)
    assert "the credits went" not in page(shop)
    assert "$4.00 was paid, and the customer's bank has it back; here it is needs_review" in difference(shop)

    assert shop.command("review", "1", "--note", "Lost").exit_code == 0
    assert drift(shop) == []


def page(shop: Shop) -> str:
    return words(shop.browser().get("/prepaid/admin/payments/1").text)


def test_of_two_wrong_charges_the_one_that_no_bank_has_is_to_be_refunded(shop_with: ShopWith) -> None:
    shop = shop_with(operators=Operators(current=lambda: Operator("olga", Role.ADMIN)))
    shop.buy()
    pay_another(shop, 400, card=GOOD)
    shop.stripe.dispute(pay_another(shop, 900, card=GOOD))
    shop.stripe.deliver()

    assert "or refund the money there" in page(shop)
    assert page(shop).count("there is nothing to refund") == 1


@pytest.mark.parametrize("is_disputed", [False, True])
def test_what_gives_no_credits_is_refunded_unless_a_bank_has_it(shop: Shop, is_disputed: bool) -> None:
    shop.buy()
    wrong = pay_another(shop, 400, card=GOOD)
    if is_disputed:
        shop.stripe.dispute(wrong)
        shop.stripe.deliver()
    shop.read(lambda: removal.remove(shop.prepaid, "user:1"))

    refused = shop.command("review", "1", "--note", "Looked at", "--give").stderr

    assert ("there is nothing to refund: close the review." in refused) is is_disputed
    assert ("Refund it in Stripe's dashboard" in refused) is not is_disputed


def bare_charge(shop: Shop) -> str:
    """Somebody charges the customer under the name of their page, and not on it."""
    (payment,) = shop.payments()
    charge: Any = {
        "amount": 500,
        "currency": "usd",
        "customer": shop.read(lambda: shop.prepaid.customer_id("user:1")),
        "payment_method": "pm_card_visa",
        "confirm": True,
        "return_url": "https://shop.example/",
        "metadata": {"prepaid_payment": payment.idempotency_key},
    }
    return shop.dashboard().v1.payment_intents.create(charge).id


def test_a_dispute_of_what_can_not_be_settled_is_named_and_kept(deaf_shop: Shop) -> None:
    deaf_shop.buy()
    opened = deaf_shop.stripe.dispute(bare_charge(deaf_shop))

    assert "it is needs_response; here it is not known" in difference(deaf_shop)
    assert drift(deaf_shop, "--fix") == ["missed"]
    assert "1 dispute waits for evidence" in deaf_shop.command("doctor").stderr

    deaf_shop.stripe.dispute(dispute=opened["id"], outcome="lost")
    assert drift(deaf_shop, "--fix") == []
    assert deaf_shop.payments()[0].state is PaymentState.OPEN
