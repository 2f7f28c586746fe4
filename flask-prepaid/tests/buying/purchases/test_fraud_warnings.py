"""Early fraud warnings: kept, shown, and answered by a refund before they become a dispute."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select

from flask_prepaid import Operator, Operators, Role
from flask_prepaid.operations.stripe_events import HEARD
from flask_prepaid.payments.models import PaymentState, Refund
from flask_prepaid.purchases.money_back.disputes import fraud_warnings, warning_refunds
from flask_prepaid.signals import fraud_warned

from ..operations.test_refusals import Refusing
from ..shop import Shop, ShopWith
from .test_topups import setting, switch_on, topped_up
from .test_what_stripe_holds import page

#: Its bank warns of each charge.
WARNS = "4000000000005423"


def buy(shop: Shop, card: str = WARNS) -> None:
    shop.stripe.pay(shop.buy(), card=card)


def waiting(shop: Shop) -> int:
    return int(shop.read(lambda: fraud_warnings.count(shop.prepaid.session)))


def refunds(shop: Shop) -> list[int]:
    return [refund.amount for refund in shop.dashboard().v1.refunds.list().data]


def drift(shop: Shop, *options: str) -> list[str]:
    differences = json.loads(shop.command("reconcile", "--json", *options).stdout)["drift"]
    return [difference["kind"] for difference in differences]


def test_a_warning_is_kept_and_the_operator_is_told_once(shop: Shop) -> None:
    heard: list[Any] = []
    with fraud_warned.connected_to(lambda sender, **news: heard.append(news)):
        buy(shop)
        shop.stripe.deliver("radar.early_fraud_warning.created", times=3)

    (payment,) = shop.payments()
    assert [(news["owner"], news["payment_id"]) for news in heard] == [("user:1", payment.id)]
    assert waiting(shop) == 1
    assert "1 payment is suspected by the card's bank" in shop.command("doctor").stderr
    assert shop.balance() == 100  # nothing is taken yet


def test_a_warning_stops_auto_top_up(shop: Shop) -> None:
    shop.keep_card(number=WARNS)
    switch_on(shop)
    shop.tick()

    shop.put_right()

    assert setting(shop).stopped == "a bank has warned of a payment of yours"
    assert len(topped_up(shop)) == 1


def test_by_a_setting_the_payment_is_refunded_by_itself_and_once(shop_with: ShopWith) -> None:
    shop = shop_with(PREPAID_REFUND_FRAUD_WARNINGS=True)
    buy(shop)

    shop.tick()
    shop.tick()

    assert refunds(shop) == [500]
    assert (shop.balance(), waiting(shop)) == (0, 0)


def test_without_the_setting_nothing_is_refunded_unasked(shop: Shop) -> None:
    buy(shop)

    shop.tick()

    assert refunds(shop) == []


def test_a_warning_that_is_answered_at_stripe_waits_no_more(shop: Shop) -> None:
    buy(shop)

    shop.dashboard().v1.refunds.create({"charge": shop.charges()[0].id})
    shop.stripe.deliver()

    assert waiting(shop) == 0


def test_a_payment_that_is_disputed_by_now_is_not_refunded(shop_with: ShopWith) -> None:
    shop = shop_with(PREPAID_REFUND_FRAUD_WARNINGS=True)
    buy(shop)
    shop.stripe.dispute(charge=shop.charges()[0].id)

    shop.tick()

    assert waiting(shop) == 0
    assert refunds(shop) == []


def test_a_refund_that_stripe_refuses_is_asked_for_again_after_a_while_and_made_once(
    shop_with: ShopWith,
) -> None:
    stripe = Refusing("refunds")
    shop = shop_with(http_client=stripe, emulator=stripe.emulator, PREPAID_REFUND_FRAUD_WARNINGS=True)
    buy(shop)

    shop.tick()
    assert "fraud warning" not in shop.command("tick").stderr, "not at once"
    assert "1 payment suspected by the card's bank could not be refunded by itself" in (
        shop.command("doctor").stderr
    )
    shop.stripe.advance(hours=1)
    shop.tick()
    assert (refunds(shop), waiting(shop)) == ([], 0)

    stripe.on = False
    shop.stripe.advance(hours=6)
    for _ in range(2):
        shop.tick()

    assert refunds(shop) == [500]
    assert shop.balance() == 0
    assert "could not be refunded" not in shop.command("doctor").stderr


def test_a_refund_that_stripe_refuses_for_a_week_waits_for_a_person(
    shop_with: ShopWith,
) -> None:
    stripe = Refusing("refunds")
    shop = shop_with(http_client=stripe, emulator=stripe.emulator, PREPAID_REFUND_FRAUD_WARNINGS=True)
    buy(shop)

    for _ in range(10):
        shop.tick()
        shop.stripe.advance(days=1)
    tries = len(refunds_of(shop))
    assert tries == 1 + len(warning_refunds.BACK_OFF)

    stripe.on = False
    shop.tick()
    assert len(refunds_of(shop)) == tries


def refunds_of(shop: Shop) -> list[Any]:
    return list(shop.read(lambda: shop.prepaid.session.scalars(select(Refund)).all()))


def test_a_warning_that_no_event_told_of_is_found_by_the_comparison(deaf_shop: Shop) -> None:
    session = deaf_shop.buy()
    deaf_shop.stripe.pay(session, card=WARNS)
    deaf_shop.come_back(session)

    assert drift(deaf_shop) == ["drifted"]
    assert drift(deaf_shop, "--fix") == []
    assert waiting(deaf_shop) == 1


def charge_of_somebody_else(shop: Shop) -> str:
    somebody = shop.dashboard().v1.customers.create({"name": "Somebody"})
    charge = shop.dashboard().v1.payment_intents.create(
        {
            "amount": 500,
            "currency": "usd",
            "customer": somebody.id,
            "payment_method": "pm_card_createIssuerFraudRecord",
            "confirm": True,
            "return_url": "https://shop.example/",
        }
    )
    return charge.id


def test_a_warning_of_somebody_elses_charge_is_nothing_of_ours(shop: Shop) -> None:
    charge_of_somebody_else(shop)
    shop.stripe.deliver()

    assert waiting(shop) == 0
    assert drift(shop) == []


class Noting(Refusing):
    """Stripe, and what it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.on = False
        self.requests: list[str] = []

    def request(self, method: str, url: str, headers: Any, post_data: Any = None, **_: Any) -> Any:
        self.requests.append(f"{method} {urlsplit(url).path}")
        return super().request(method, url, headers, post_data)


def test_somebody_elses_charge_is_fetched_once_for_its_warning_and_once_for_its_dispute(
    shop_with: ShopWith,
) -> None:
    stripe = Noting()
    shop = shop_with(http_client=stripe, emulator=stripe.emulator)
    shop.stripe.hear("radar.early_fraud_warning.created", "charge.dispute.created")
    charge = charge_of_somebody_else(shop)

    shop.stripe.deliver()
    assert stripe.requests.count(f"get /v1/payment_intents/{charge}") == 1
    shop.stripe.dispute(charge)
    shop.stripe.deliver()

    assert stripe.requests.count(f"get /v1/payment_intents/{charge}") == 2
    assert "get /v1/checkout/sessions" not in stripe.requests


def without_credits(shop: Shop) -> int:
    """How many suspected charges have brought no credits."""
    return int(shop.read(lambda: fraud_warnings.count_without_credits(shop.prepaid.session)))


def pay_another(
    shop: Shop, minor: int = 500, *, card: str = WARNS, names_it: bool = True, **changes: Any
) -> str:
    """Another page that was opened for the customer's payment is paid; its charge, which names it or not."""
    named = {"metadata": {"prepaid_payment": shop.payments()[0].idempotency_key} if names_it else {}}
    session = page(shop, price={"unit_amount": minor}, payment_intent_data=named, **changes)
    shop.stripe.pay(session, card=card)
    shop.stripe.deliver()
    return str(shop.dashboard().v1.checkout.sessions.retrieve(session).payment_intent)


@pytest.mark.each_database
def test_a_warning_of_a_charge_that_another_one_has_replaced_is_kept_and_refunds_neither(
    shop_with: ShopWith,
) -> None:
    """A page at another price was paid, and then the customer's own: that one has brought the credits."""
    heard: list[Any] = []
    operators = Operators(current=lambda: Operator("olga", Role.ADMIN))
    shop = shop_with(operators=operators, PREPAID_REFUND_FRAUD_WARNINGS=True)
    own = shop.buy()
    with fraud_warned.connected_to(lambda sender, **news: heard.append(news)):
        suspected = pay_another(shop, 400)
    shop.pay(own)
    (payment,) = shop.payments()
    assert (payment.state, shop.balance()) == (PaymentState.PAID, 100)
    assert payment.payment_intent_id != suspected

    shop.tick()

    assert (refunds(shop), waiting(shop), without_credits(shop)) == ([], 0, 1)
    assert [(news["charge"], news["refundable"]) for news in heard] == [(suspected, False)]
    assert "1 charge is suspected by the card's bank, and brought no credits" in shop.command("doctor").stderr
    shown = shop.browser().get(f"/prepaid/admin/payments/{payment.id}").text
    assert suspected in shown
    assert "Refund all of it now" not in shown
    assert "Payments that a bank suspects" in shop.browser().get("/prepaid/admin").text

    shop.dashboard().v1.refunds.create({"payment_intent": suspected})
    shop.stripe.deliver()

    assert (without_credits(shop), shop.balance()) == (0, 100)
    assert "suspected" not in shop.command("doctor").stderr


def test_a_warning_that_comes_after_its_charge_was_replaced_is_kept_by_the_comparison(shop: Shop) -> None:
    own = shop.buy()
    shop.stripe.hear(*[each for each in HEARD if not each.startswith("radar.")])
    pay_another(shop, 400)
    shop.pay(own)

    assert "a bank's warning is not known here" in shop.command("reconcile").output
    shop.command("reconcile", "--fix")

    assert (waiting(shop), without_credits(shop)) == (0, 1)


@pytest.mark.parametrize("names_it", [True, False])
def test_a_warning_of_what_was_paid_a_second_time_stops_top_ups_and_refunds_neither(
    shop_with: ShopWith, names_it: bool
) -> None:
    shop = shop_with(PREPAID_REFUND_FRAUD_WARNINGS=True)
    shop.pay(shop.buy())
    shop.keep_card()
    switch_on(shop)

    suspected = pay_another(shop, names_it=names_it)
    shop.tick()

    assert setting(shop).stopped == "a bank has warned of a payment of yours"
    assert (refunds(shop), without_credits(shop), shop.balance()) == ([], 1, 100)
    shop.dashboard().v1.refunds.create({"payment_intent": suspected})
    shop.stripe.deliver()
    assert without_credits(shop) == 0


@pytest.mark.parametrize("is_second", [True, False])
def test_a_dispute_that_was_not_heard_of_a_charge_without_credits_is_found_by_the_comparison(
    shop: Shop, is_second: bool
) -> None:
    """The charge has paid the payment a second time, or another one has replaced it."""
    own = shop.buy()
    if is_second:
        shop.pay(own)
    other = pay_another(shop, 500 if is_second else 400, card="4242424242424242")
    if not is_second:
        shop.pay(own)
    shop.stripe.hear(*[each for each in HEARD if not each.startswith("charge.dispute.")])
    shop.stripe.dispute(other)
    shop.stripe.deliver()

    assert "it is needs_response; here it is not known" in shop.command("reconcile").output
    shop.command("reconcile", "--fix")

    assert "drifted" not in drift(shop)
    assert "1 dispute waits for evidence" in shop.command("doctor").stderr
    assert shop.balance() == 100


@pytest.mark.parametrize("names_it", [True, False])
def test_a_warning_that_was_not_heard_of_a_second_charge_is_found_by_the_comparison(
    shop: Shop, names_it: bool
) -> None:
    shop.pay(shop.buy())
    shop.stripe.hear(*[each for each in HEARD if not each.startswith("radar.")])
    pay_another(shop, names_it=names_it)

    assert "a bank's warning is not known here" in shop.command("reconcile").output
    shop.command("reconcile", "--fix")

    assert "drifted" not in drift(shop)
    assert (waiting(shop), without_credits(shop)) == (0, 1)


@pytest.mark.parametrize("names_it", [True, False])
def test_a_dispute_of_what_was_paid_a_second_time_is_kept_and_takes_no_credits(
    shop: Shop, names_it: bool
) -> None:
    shop.pay(shop.buy())
    twice = pay_another(shop, card="4242424242424242", names_it=names_it)

    shop.stripe.dispute(twice)
    shop.stripe.deliver()
    shop.tick()

    assert shop.balance() == 100
    assert "1 dispute waits for evidence" in shop.command("doctor").stderr
    assert shop.payments()[0].refunded_minor == 0


@pytest.mark.parametrize("names_it", [True, False])
def test_somebody_elses_charge_that_names_a_payment_is_no_warning_of_it(shop: Shop, names_it: bool) -> None:
    shop.pay(shop.buy())
    other = shop.dashboard().v1.customers.create({"name": "Somebody"})
    pay_another(shop, customer=other.id, names_it=names_it)

    assert (waiting(shop), without_credits(shop)) == (0, 0)
