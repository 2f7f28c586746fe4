"""When a payment fails: each state is shown with what to do, and one button mends it."""

from __future__ import annotations

import html
import json
from typing import Any

import pytest
from sqlalchemy import URL

from flask_prepaid import Pack, Plan, signals
from flask_prepaid.subscriptions.models import State
from flask_prepaid.testing import Databases

from .plan_shop import ASKS_ALWAYS, PAGE, PlanShop

#: A debit from this account is confirmed after three minutes.
SLOW = "DE08370400440532013003"

#: One from this account fails after three minutes.
REFUSED = "DE62370400440532013001"


def fail_next(shop: PlanShop) -> None:
    """From now on the plan's card is declined."""
    card = shop.save_card("pm_card_chargeCustomerFail")
    shop.v1.subscriptions.update(shop.stripe_id(), {"default_payment_method": card})


def test_a_failed_renewal_gives_nothing_until_it_is_paid_on_stripes_page(shop: PlanShop) -> None:
    shop.subscribe("small")
    fail_next(shop)

    shop.pass_time(days=29)
    assert shop.state() is State.PAST_DUE
    page = shop.page()
    assert "Visa ending in 0341 did not pay $10.00, so there are no new credits yet." in page
    assert "We try again on 3 March 2026" in page
    assert "Pay $10.00</" in page
    assert len(shop.entries()) == 1
    shop.pay_invoice()

    assert shop.state() is State.ACTIVE
    assert shop.entries()[-1] == ("allowance", 100)


def test_another_card_pays_what_is_owed_and_all_that_follows(shop: PlanShop) -> None:
    shop.subscribe("small")
    good = shop.save_card("pm_card_mastercard")
    fail_next(shop)
    shop.pass_time(days=29)
    assert shop.state() is State.PAST_DUE

    shop.do("card", saved_card=good)
    assert shop.state() is State.ACTIVE
    shop.pass_time(months=1)

    assert [invoice.state for invoice in shop.invoices()] == ["paid", "paid", "paid"]


@pytest.mark.parametrize(
    ("card", "words"),
    [
        (
            "pm_card_chargeCustomerFail",
            "Visa ending in 0341 did not pay. Your bank declined the card and gave no reason. "
            "Pay with another card.",
        ),
        (
            "pm_card_authenticationRequired",
            "Visa ending in 3184 did not pay. Your bank asks you to confirm it. Do that on Stripe's page, or "
            "pay with another card.",
        ),
    ],
)
def test_a_card_that_does_not_pay_again_is_named_with_the_reason_in_one_box(
    shop: PlanShop, card: str, words: str
) -> None:
    shop.subscribe("small")
    fail_next(shop)
    shop.pass_time(days=29)

    answer = shop.do("card", saved_card=shop.save_card(card))

    assert answer.status_code == 409
    assert words in html.unescape(answer.text)
    assert answer.text.count('role="alert"') == 1
    assert shop.state() is State.PAST_DUE


def test_a_retry_that_pays_gives_the_credits(shop: PlanShop) -> None:
    shop.subscribe("small")
    good = shop.row().card_id
    fail_next(shop)
    shop.pass_time(days=29)
    assert good is not None
    shop.v1.subscriptions.update(shop.stripe_id(), {"default_payment_method": good})

    shop.pass_time(days=4)

    assert shop.state() is State.ACTIVE
    assert shop.entries()[-1] == ("allowance", 100)


def test_after_all_retries_the_plan_ends_and_gave_nothing(shop: PlanShop) -> None:
    shop.subscribe("small")
    fail_next(shop)

    shop.pass_time(days=29 + 16)

    assert shop.state() is State.CANCELED
    assert shop.balance() == 0
    assert "Your last plan ended on 15 March 2026, because its payment did not go through" in shop.page()


def test_an_unpaid_plan_goes_on_when_it_is_paid(shop: PlanShop) -> None:
    shop.stripe.dunning(end="unpaid")
    shop.subscribe("small")
    fail_next(shop)

    shop.pass_time(days=29 + 16)
    assert shop.state() is State.UNPAID
    assert "we have stopped trying" in shop.page()
    assert shop.balance() == 0
    shop.pay_invoice()

    assert shop.state() is State.ACTIVE
    assert shop.balance() == 100


def test_a_bank_that_wants_its_customer_at_a_renewal_is_answered_by_the_one_button(shop: PlanShop) -> None:
    shop.subscribe("small", card=ASKS_ALWAYS)

    shop.pass_time(days=29)
    assert shop.state() is State.PAST_DUE
    shop.pay_invoice(ASKS_ALWAYS)

    assert shop.state() is State.ACTIVE
    assert shop.entries()[-1] == ("allowance", 100)


def test_a_first_payment_that_waits_for_the_bank_is_incomplete_until_it_is_confirmed(shop: PlanShop) -> None:
    shop.subscribe("small")
    shop.do("cancel", when="now")
    card = shop.save_card("pm_card_authenticationRequired")

    shop.send(plan="large", saved_card=card)
    shop.stripe.deliver()
    assert shop.state() is State.INCOMPLETE
    assert "The first payment is not through" in shop.page()
    shop.pay_invoice(ASKS_ALWAYS)

    assert shop.state() is State.ACTIVE
    assert shop.balance() == 600


def test_a_first_payment_that_nobody_makes_expires(shop: PlanShop) -> None:
    shop.subscribe("small")
    shop.do("cancel", when="now")
    shop.send(plan="large", saved_card=shop.save_card("pm_card_chargeCustomerFail"))
    shop.stripe.deliver()
    assert shop.state() is State.INCOMPLETE

    shop.pass_time(hours=24)

    assert shop.state() is State.INCOMPLETE_EXPIRED
    assert "Your last plan never began" in shop.page()
    assert shop.balance() == 100


def test_from_an_incomplete_plan_another_one_can_be_chosen(shop: PlanShop) -> None:
    shop.subscribe("small")
    shop.do("cancel", when="now")
    shop.send(plan="large", saved_card=shop.save_card("pm_card_chargeCustomerFail"))

    shop.subscribe("seats")

    assert shop.balance() == 110
    running = shop.v1.subscriptions.list({"limit": 10}).data
    assert len(running) == 1


def test_canceling_drops_what_is_owed(shop: PlanShop) -> None:
    shop.subscribe("small")
    fail_next(shop)
    shop.pass_time(days=29)
    assert "What you owe for it is dropped" in shop.browser().get("/prepaid/plan/cancel").text

    shop.do("cancel", when="now")

    assert [invoice.state for invoice in shop.invoices()] == ["paid", "void"]
    assert shop.state() is State.CANCELED


def test_a_period_that_is_paid_late_does_not_end_the_one_that_runs(shop: PlanShop) -> None:
    shop.stripe.dunning(end="past_due", retry_days=[3])
    shop.subscribe("small")
    good = shop.row().card_id
    assert good is not None
    fail_next(shop)
    shop.pass_time(days=29 + 5)
    shop.v1.subscriptions.update(shop.stripe_id(), {"default_payment_method": good})
    shop.pass_time(months=1)
    late = shop.invoices()[1]
    assert [invoice.state for invoice in shop.invoices()] == ["paid", "open", "paid"]

    shop.v1.invoices.pay(late.stripe_id)
    shop.stripe.deliver()

    assert shop.balance() == 200
    assert [kind for kind, _ in shop.entries()].count("allowance") == 3


def test_the_host_hears_of_a_failed_payment_with_the_page_that_mends_it(shop: PlanShop) -> None:
    heard: list[dict[str, object]] = []

    def hear(sender: object, **news: object) -> None:
        heard.append(news)

    shop.subscribe("small")
    fail_next(shop)
    with signals.plan_payment_failed.connected_to(hear):
        shop.pass_time(days=29)

    assert [(news["owner"], news["state"]) for news in heard] == [("user:1", State.PAST_DUE)]
    assert "/invoice/" in str(heard[0]["page_url"])


def test_periods_that_were_owed_and_are_paid_at_once_each_give_their_credits(
    databases: Databases, kind: str
) -> None:
    weekly = Plan("weekly", credits=50, amount_minor=700, interval="week", name="Weekly")
    shop = PlanShop(databases.fresh(kind), plans=[weekly])
    shop.subscribe("weekly")
    fail_next(shop)
    for _ in range(3):
        shop.pass_time(days=7, hours=2)
    assert [invoice.state for invoice in shop.invoices()] == ["paid", "open", "open", "open"]
    page = shop.page()
    assert "Visa ending in 0341 did not pay $21.00" in page
    assert page.count(">Pay $7.00 with another card</a>") == 3

    good = shop.save_card()
    assert "We are charging $21.00 to Visa ending in 4242." in shop.page()
    shop.do("card", saved_card=good)

    assert [charge.amount for charge in shop.charges()] == [700, 700, 700, 700]
    assert shop.balance() == 150
    shop.pass_time(days=2)  # the running period goes on, the grace of the others, too
    assert shop.balance() == 150
    shop.pass_time(days=2)
    assert shop.balance() == 50
    assert shop.drift() == []
    shop.close()


def debits(database: URL, mails: list[str], **more: Any) -> PlanShop:
    """A shop in euros, whose customers get mails; their subjects come into ``mails``."""
    return PlanShop(
        database,
        plans=[Plan("small", credits=100, amount_minor=1_000, currency="eur", name="Small")],
        packs=[Pack("b", credits=70, amount_minor=700, currency="eur")],
        quantity=None,
        PREPAID_BASE_URL="https://shop.example",
        PREPAID_RECEIPTS=False,
        PREPAID_JSON_API=True,
        email=lambda owner: f"{owner}@shop.example",
        mail=lambda address, subject, text: mails.append(subject),
        **more,
    )


def begin_by_debit(shop: PlanShop, iban: str) -> None:
    session = shop.choose("small")
    shop.stripe.pay(session, iban=iban)
    shop.browser().get(PAGE, query_string={"session_id": session})
    shop.stripe.deliver()
    assert shop.state() is State.INCOMPLETE


def test_a_debit_that_its_bank_has_not_answered_is_no_debt(databases: Databases, kind: str) -> None:
    mails: list[str] = []
    shop = debits(databases.fresh(kind), mails)
    begin_by_debit(shop, SLOW)
    assert_waits_for_bank(shop)
    shop.pass_time(minutes=10)
    assert shop.balance() == 100

    shop.pass_time(days=28, minutes=51)  # an hour after the renewal
    assert_waits_for_bank(shop)
    shop.do("card", saved_card=shop.save_card())
    shop.pass_time(minutes=10)

    assert [intent.status for intent in shop.v1.payment_intents.list().data] == ["succeeded", "succeeded"]
    assert shop.entries()[-1] == ("allowance", 100)
    assert [subject for subject in mails if "not paid" in subject or "did not go through" in subject] == []
    shop.close()


def assert_waits_for_bank(shop: PlanShop) -> None:
    page = shop.page()
    assert "Your bank has not confirmed the payment of €10.00 yet. Do not pay again" in page
    assert ">Waiting for the bank<" in page
    assert ">To pay<" not in page
    assert ">Pay " not in page
    assert "did not go through" not in shop.browser().get("/prepaid/buy").text
    assert json.loads(shop.browser().get("/prepaid/api/plan").text)["plan"]["owed_minor"] == 0


def test_a_debit_that_its_bank_refuses_in_the_end_is_written_to_its_customer(
    databases: Databases, kind: str
) -> None:
    mails: list[str] = []
    shop = debits(databases.fresh(kind), mails)
    begin_by_debit(shop, REFUSED)
    assert mails == []

    shop.pass_time(minutes=10)
    shop.tick()

    assert shop.state() is State.INCOMPLETE
    assert mails == ["Your Small plan: €10.00 was not paid"]
    assert ">To pay<" in shop.page()
    shop.close()


def test_who_ends_a_plan_while_a_bank_is_asked_reads_that_it_is(databases: Databases, kind: str) -> None:
    shop = debits(databases.fresh(kind), [])
    begin_by_debit(shop, SLOW)
    shop.pass_time(minutes=10)
    shop.pass_time(days=28, minutes=51)  # an hour after the renewal
    browser, word = shop.browser(), "Your bank was asked for €10.00 before: that can't be stopped any more."
    page = html.unescape(browser.get(f"{PAGE}/cancel").text)
    assert word in page
    assert "is not charged" not in page

    shop.send_form(browser, "/prepaid/buy", to=f"{PAGE}/cancel", when="end")

    assert f"Your plan ends with this period. {word}" in html.unescape(browser.get(PAGE).text)
    shop.close()


def test_a_resumption_that_a_debit_pays_is_not_pressed_twice(databases: Databases, kind: str) -> None:
    shop = debits(databases.fresh(kind), [])
    begin_by_debit(shop, SLOW)
    shop.pass_time(minutes=10)
    shop.do("pause")
    shop.pass_time(days=40)
    shop.do("resume")
    assert shop.state() is State.PAUSED
    page = shop.page()
    assert "Your bank has not confirmed the payment of €10.00 yet" in page
    assert "/plan/resume" not in page

    assert shop.do("resume", max_minor="0").status_code == 409

    assert shop.state() is State.PAUSED
    shop.pass_time(minutes=10)
    assert shop.state() is State.ACTIVE
    assert shop.entries()[-1] == ("allowance", 100)
    shop.close()
