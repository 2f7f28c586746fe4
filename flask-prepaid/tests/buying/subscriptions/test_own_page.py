"""A plan begun on our own page, with Stripe's elements on it."""

from __future__ import annotations

import re

import pytest

from flask_prepaid import Plan
from flask_prepaid.subscriptions.models import State

from .plan_shop import DECLINES, PAGE, PlanShop, words
from .test_faults import open_pages


def open_elements(shop: PlanShop, plan: str = "small", **fields: str) -> tuple[str, str]:
    """Choose a plan to pay on our page: what the page says, and the session whose elements it shows."""
    page = shop.send("/custom", plan=plan, **fields)
    assert page.status_code == 200, page.text
    secret = re.search(r'data-secret="(cs_test_\w+?)_secret_', page.text)
    assert secret
    return words(page.text), secret[1]


def test_what_is_paid_on_our_page_begins_the_plan_as_anywhere(shop: PlanShop) -> None:
    page, session = open_elements(shop)
    assert "Subscribe and pay $10.00" in page
    assert "Then $10.00 a month, until you cancel." in page

    shop.stripe.pay(session)

    assert shop.state() is State.ACTIVE
    assert shop.balance() == 100


def test_a_trial_on_our_page_says_what_follows_and_when(shop: PlanShop) -> None:
    page, session = open_elements(shop, "trial", trial="1")
    assert 'Due today: <strong id="prepaid-total">$0.00</strong>' in page
    assert "14 days free, with 20 credits. Then $20.00 a month, from 14 February 2026 on" in page

    shop.stripe.pay(session)

    assert shop.state() is State.TRIALING
    assert shop.entries() == [("grant", 20)]
    assert "Next charge: <strong>$20.00</strong> on 14 February 2026" in shop.page()


def test_a_trial_without_a_card_asks_for_none(shop: PlanShop) -> None:
    page, _ = open_elements(shop, "taste", trial="1")

    assert "prepaid-card" not in page
    assert "from 7 February 2026 on, once you have added a card" in page


def test_several_of_a_plan_are_told_and_paid_together(shop: PlanShop) -> None:
    page, session = open_elements(shop, "seats", quantity="4")
    assert "Subscribe to Seats, 4 times" in page
    assert "Subscribe and pay $6.00" in page

    shop.stripe.pay(session)

    assert shop.balance() == 40


def test_a_declined_card_leaves_our_page_open(shop: PlanShop) -> None:
    _, session = open_elements(shop)
    shop.stripe.decline(session, DECLINES)
    assert shop.balance() == 0

    shop.stripe.pay(session)

    assert shop.balance() == 100


def test_our_page_and_stripes_are_never_open_together(shop: PlanShop) -> None:
    """The same form, sent to the one and then, from the back button, to the other, and once more."""
    _, ours = open_elements(shop, attempt="one-wish-0001")
    hosted = shop.choose("small", attempt="one-wish-0001")

    assert hosted != ours
    assert open_pages(shop) == {hosted}
    assert shop.send("/custom", plan="small", attempt="one-wish-0001").status_code == 409
    _, again = open_elements(shop)
    assert open_pages(shop) == {again}


def test_the_same_form_twice_is_one_page_and_after_paying_leads_to_the_plan(shop: PlanShop) -> None:
    sessions = {open_elements(shop, attempt="one-wish-0001")[1] for _ in range(2)}
    assert len(sessions) == 1
    (session,) = sessions
    shop.stripe.pay(session)

    again = shop.send("/custom", plan="small", attempt="one-wish-0001")

    assert (again.status_code, again.location) == (303, f"{PAGE}?session_id={session}")
    assert "Your plan runs" in shop.browser().get(again.location).text


@pytest.mark.parametrize(
    ("plan", "says"),
    [
        ("small", ["Subscribe to Small", "Subscribe and pay $10.00", "100 credits a month."]),
        ("taste", ["7 days free", "Then $6.00 a month", "once you have added a card", "50 credits a month."]),
    ],
)
def test_a_page_that_is_open_keeps_what_it_sells_when_the_plan_changes_and_leaves(
    shop: PlanShop, plan: str, says: list[str]
) -> None:
    once, plans = {"attempt": "one-wish-0001", "trial": "1" * (plan == "taste")}, shop.prepaid.catalog.plans
    before, session = open_elements(shop, plan, **once)
    assert [words for words in says if words not in before] == []

    plans[plan] = Plan(plan, credits=999, amount_minor=5_000, interval="year", every="month", name="Changed")
    changed, the_same = open_elements(shop, plan, **once)
    assert (the_same, "Changed" in changed) == (session, False)
    assert [words for words in says if words not in changed] == []

    del plans[plan]
    left, the_same = open_elements(shop, plan, **once)
    assert (the_same, [words for words in says if words not in left]) == (session, [])
    assert shop.send("/custom", plan=plan).status_code == 422


def test_without_javascript_the_page_leads_on_to_stripes(shop: PlanShop) -> None:
    browser = shop.browser()
    token = browser.get(PAGE).text.split('name="csrf_token" value="')[1].split('"')[0]
    choice = {"csrf_token": token, "plan": "trial", "trial": "1"}
    page = browser.post(f"{PAGE}/custom", data=choice).text
    words = page.split("<noscript>")[1].split("</noscript>")[0]
    assert "This page needs JavaScript. Nothing has been charged." in words
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', words))

    session = shop.session_of(browser.post(PAGE, data=fields))
    shop.stripe.pay(session)

    assert shop.state() is State.TRIALING


@pytest.mark.parametrize("choice", [{"plan": "none"}, {}, {"plan": "seats", "quantity": "21"}])
def test_what_is_not_sold_is_refused_there_too(shop: PlanShop, choice: dict[str, str]) -> None:
    assert shop.send("/custom", **choice).status_code == 422


def test_a_second_trial_is_refused_there_too(shop: PlanShop) -> None:
    shop.subscribe("trial")
    shop.do("cancel", when="now")

    assert shop.send("/custom", plan="trial", trial="1").status_code == 409


def test_a_bookmark_of_it_leads_to_the_plans(shop: PlanShop) -> None:
    assert shop.browser().get(f"{PAGE}/custom").location == PAGE
