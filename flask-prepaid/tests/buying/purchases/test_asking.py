"""How often a customer's pages ask Stripe, and what is refused before it is asked."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import URL

from flask_prepaid.payments.models import PaymentState
from flask_prepaid.purchases import charging

from ..gateway.answering import refusal, with_answers
from ..shop import Shop
from ..subscriptions.plan_shop import PLANS
from .test_cards import leave_card


def test_a_made_up_session_asks_nobody(database: URL) -> None:
    shop, stripe = with_answers(database)

    assert shop.come_back("cs_test_" + "a" * 40).status_code == 404

    assert stripe.asked == []
    shop.close()


@pytest.mark.parametrize("path", ["/prepaid/return?session_id={session}", "/prepaid/cards"])
def test_whoever_loads_a_page_without_end_has_stripe_asked_so_often_only(database: URL, path: str) -> None:
    shop, stripe = with_answers(database, PREPAID_ASKS_PER_MINUTE=5, PREPAID_CHECK_AFTER=timedelta(hours=1))
    session = shop.buy()
    browser, before = shop.browser(), len(stripe.asked)

    pages = [browser.get(path.format(session=session)) for _ in range(40)]

    assert {page.status_code for page in pages} == {200}
    assert len(stripe.asked) - before <= 4 * 5  # the page of cards asks two things, and a minute may end here
    shop.close()


def test_a_page_that_loads_itself_again_is_shown_however_often(database: URL) -> None:
    shop, stripe = with_answers(database, plans=PLANS, PREPAID_ASKS_PER_MINUTE=5)
    browser = shop.browser()
    session = shop.session_of(shop.send_form(browser, "/prepaid/buy", to="/prepaid/plan", plan="small"))
    shop.stripe.pay(session)
    assert "You are on Small" in browser.get(f"/prepaid/plan?session_id={session}").text
    before = len(stripe.asked)

    pages = [browser.get("/prepaid/plan?tried=1") for _ in range(30)]

    assert {page.status_code for page in pages} == {200}
    assert 0 < len(stripe.asked) - before <= 4 * 5  # it asks up to two things, and a minute may end here
    shop.close()


def test_whoever_changes_their_address_without_end_has_stripe_asked_so_often_only(
    database: URL,
) -> None:
    addresses = {"user:1": "ann@example.com"}
    shop, stripe = with_answers(database, email=addresses.get, PREPAID_ASKS_PER_MINUTE=3)
    shop.pay(shop.buy())
    before = len(stripe.asked)

    for number in range(20):
        addresses["user:1"] = f"ann{number}@example.com"
        shop.read(lambda: shop.prepaid.sync_customer("user:1"))

    assert len(stripe.asked) - before <= 2 * 3  # a minute may end here
    shop.tick()
    assert [customer.email for customer in shop.dashboard().v1.customers.list().data] == ["ann19@example.com"]
    shop.close()


@pytest.mark.parametrize("path", [f"/prepaid/{page}" for page in ("buy", "confirm", "plan", "plan/custom")])
def test_whoever_presses_one_button_without_end_has_stripe_asked_so_often_only(
    database: URL, path: str
) -> None:
    shop, stripe = with_answers(database, plans=PLANS, PREPAID_ASKS_PER_MINUTE=5)
    shop.buy()
    browser = shop.browser()
    token = re.search(r'name="csrf_token" value="([^"]+)"', browser.get("/prepaid/plan").text)
    assert token is not None
    form = {"csrf_token": token[1], "attempt": "a" * 22, "pack": "starter", "plan": "small", "payment": "1"}
    browser.post(path, data=form)
    before = len(stripe.asked)

    pressed = [browser.post(path, data=form) for _ in range(40)]

    assert {answer.status_code for answer in pressed} == {pressed[0].status_code, 429}
    assert pressed[0].status_code in (200, 303)
    assert len(stripe.asked) - before <= 2 * 5  # a minute may end here
    shop.close()


def test_an_amount_that_stripe_refuses_for_its_size_is_told_to_the_customer(database: URL) -> None:
    """The least is another one where Stripe pays out in another currency, which nobody knows before."""
    shop, stripe = with_answers(database)
    shop.pay(shop.buy())
    stripe.first = [refusal(400, "amount_too_small")]

    refused = shop.send_form(shop.browser(), "/prepaid/buy", credits="1")

    assert refused.status_code == 422
    assert "That is less than can be charged. Choose more credits." in refused.text
    assert [payment.state for payment in shop.payments()][1:] == [PaymentState.FAILED]
    shop.close()


def test_an_account_that_closes_while_its_card_is_charged_is_charged_nothing(shop: Shop) -> None:
    card = leave_card(shop)

    def close(payment_id: int) -> str:
        shop.prepaid.remove_customer("user:1")
        return "https://shop.example/"

    _, challenge = shop.read(
        lambda: charging.charge_card(
            shop.prepaid,
            "user:1",
            shop.prepaid.catalog.offer(pack="starter"),
            card,
            return_url=close,
        )
    )

    assert challenge is None
    assert [row.state for row in shop.payments()] == [PaymentState.FAILED]
    assert shop.charges() == []
