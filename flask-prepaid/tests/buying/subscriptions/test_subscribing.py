"""A customer takes a plan, and it fills the wallet."""

from __future__ import annotations

import re

import pytest

from flask_prepaid.subscriptions.models import State
from flask_prepaid.testing import Databases

from .plan_shop import PAGE, PlanShop, one_line, words


@pytest.mark.each_database
def test_a_plan_paid_on_stripes_page_gives_the_first_months_credits(shop: PlanShop) -> None:
    session = shop.choose("small")
    shop.stripe.pay(session)

    page = shop.browser().get(PAGE, query_string={"session_id": session})

    assert page.status_code == 200
    assert shop.state() is State.ACTIVE
    assert shop.balance() == 100
    assert "Next charge: <strong>$10.00</strong> on 28 February 2026. Visa 4242 pays." in one_line(page.text)


def test_who_has_subscribed_is_thanked_with_what_it_gave_and_cost_and_its_receipt(shop: PlanShop) -> None:
    session = shop.choose("small")
    shop.stripe.pay(session)

    page = one_line(shop.browser().get(PAGE, query_string={"session_id": session}).text)

    thanks = "Thank you. You are on Small: 100 credits added, $10.00 paid with Visa 4242."
    assert re.search(re.escape(thanks) + r' <a href="[^"]*/invoice/[^"]+"[^>]*>Receipt</a>', page), page
    assert "Thank you" not in shop.page()
    shop.stripe.advance(hours=2)
    later = shop.browser().get(PAGE, query_string={"session_id": session}).text
    assert "Thank you" not in later, "its address is opened again"


def test_stripes_page_says_how_many_credits_a_plan_gives(shop: PlanShop) -> None:
    session = shop.choose("seats", quantity="3")

    assert "30 credits a month, until you cancel." in shop.stripe.browser().get(f"/pay/{session}").text


def test_back_from_stripes_page_the_same_plans_are_shown(shop: PlanShop) -> None:
    sent = shop.send(plan="yearly", saved_card="", currency="usd")

    back = shop.v1.checkout.sessions.retrieve(shop.session_of(sent)).cancel_url

    assert back is not None
    page = shop.browser().get(back).text
    assert 'aria-current="true">Yearly<' in page
    assert "You have not paid for Yearly yet." in page


def test_without_any_event_the_browsers_return_is_enough(deaf_shop: PlanShop) -> None:
    deaf_shop.subscribe("small")

    assert deaf_shop.balance() == 100


def test_a_tab_closed_after_paying_has_its_plan_by_webhook(shop: PlanShop) -> None:
    shop.stripe.pay(shop.choose("small"))

    assert shop.state() is State.ACTIVE
    assert shop.balance() == 100


def test_without_any_event_or_return_the_tick_finds_the_plan(deaf_shop: PlanShop) -> None:
    deaf_shop.stripe.pay(deaf_shop.choose("small"))

    deaf_shop.tick()

    assert deaf_shop.balance() == 100


def test_each_paid_month_gives_its_credits_and_the_rest_rolls_over_up_to_the_cap(shop: PlanShop) -> None:
    shop.subscribe("small")
    shop.spend(20)

    shop.pass_time(days=29)

    assert shop.entries() == [
        ("allowance", 100),
        ("spend", -20),
        ("expiry", -80),
        ("allowance", 30),
        ("allowance", 100),
    ]


def test_credits_of_a_plan_that_ended_lapse_after_the_grace(shop: PlanShop) -> None:
    shop.subscribe("large")
    shop.do("cancel", when="end")

    shop.pass_time(days=28, hours=71)
    assert shop.state() is State.CANCELED
    assert shop.balance() == 500
    shop.pass_time(hours=2)

    assert shop.balance() == 0


def test_a_plan_begun_on_the_31st_renews_on_the_last_day_of_each_month(shop: PlanShop) -> None:
    shop.subscribe("small")

    shop.pass_time(months=4)

    days = [f"{invoice.period_start:%m-%d}" for invoice in shop.invoices() if invoice.period_start]
    assert days == ["01-31", "02-28", "03-31", "04-30", "05-31"]


def test_an_owner_has_one_plan(shop: PlanShop) -> None:
    shop.subscribe("small")

    again = shop.send(plan="large")

    assert again.status_code == 409
    assert "You have a plan already" in again.text
    assert len(shop.invoices()) == 1


def test_another_choice_closes_the_page_that_was_open(shop: PlanShop) -> None:
    first = shop.choose("small")
    second = shop.choose("large")

    assert shop.v1.checkout.sessions.retrieve(first).status == "expired"
    shop.stripe.pay(second)
    assert shop.balance() == 500


def test_a_double_click_leads_to_one_page(shop: PlanShop) -> None:
    pages = {shop.choose("small", attempt="one-wish-0001") for _ in range(3)}

    assert len(pages) == 1


@pytest.mark.parametrize("choice", [{"plan": "none"}, {"plan": ""}, {}, {"plan": "seats", "quantity": "21"}])
def test_what_is_not_sold_is_refused(shop: PlanShop, choice: dict[str, str]) -> None:
    answer = shop.send(**choice)

    assert answer.status_code == 422
    assert 'role="alert"' in answer.text


def archive(shop: PlanShop, amount_minor: int) -> None:
    """Archive a plan's price in Stripe's dashboard."""
    for price in shop.v1.prices.list({"active": True}).data:
        if price.unit_amount == amount_minor:
            shop.v1.prices.update(price.id, {"active": False})


def test_a_plan_that_was_archived_at_stripe_is_said_to_be_not_sold(shop: PlanShop) -> None:
    assert shop.command("connect").exit_code == 0
    card = shop.keep_card("user:2")
    shop.subscribe("small", "user:3")
    archive(shop, 4_000)

    for answer in (
        shop.send(plan="large"),
        shop.send(owner="user:2", plan="large", saved_card=card),
        shop.browser("user:3").get(f"{PAGE}/change", query_string={"plan": "large"}),
    ):
        assert answer.status_code == 409
        assert "This plan is not sold at the moment" in answer.text

    shop.stripe.pay(shop.choose("small"))
    assert shop.state() is State.ACTIVE


def test_a_price_in_the_form_changes_nothing(shop: PlanShop) -> None:
    forged = {"amount": "1", "price": "price_1", "credits": "9999", "trial_days": "90"}
    session = shop.choose("small", **forged)

    assert shop.v1.checkout.sessions.retrieve(session).amount_total == 1_000


def test_somebody_elses_page_does_not_exist(shop: PlanShop) -> None:
    session = shop.choose("small", owner="user:1")

    answer = shop.browser("user:2").get(PAGE, query_string={"session_id": session})

    assert answer.status_code == 404


def test_a_page_that_nobody_paid_leaves_the_choice_open(shop: PlanShop) -> None:
    shop.choose("small")
    shop.pass_time(hours=25)

    assert shop.state() is State.EXPIRED
    shop.subscribe("large")

    assert shop.balance() == 500


def test_a_card_on_file_subscribes_in_one_press(shop: PlanShop) -> None:
    shop.subscribe("small")
    card = shop.save_card()
    shop.do("cancel", when="now")

    answer = shop.send(plan="large", saved_card=card)
    shop.stripe.deliver()

    assert answer.status_code == 303
    assert answer.location.startswith(f"{PAGE}?begun=")
    thanks = "Thank you. You are on Large: 500 credits added, $40.00 paid with Visa 4242."
    assert thanks in one_line(shop.browser().get(answer.location).text)
    assert shop.state() is State.ACTIVE
    assert shop.balance() == 600


def test_the_page_names_the_card_that_pays_and_another_one_is_a_link_away(shop: PlanShop) -> None:
    card = shop.keep_card()
    shown = shop.page()
    assert "Subscribe with Visa 4242" in shown
    assert shown.count(f'name="saved_card" value="{card}"') == shown.count('name="plan"')

    other = words(shop.browser().get(PAGE, query_string={"saved_card": "", "every": "year"}).text)

    assert "Subscribe with" not in other
    assert set(re.findall(r'name="saved_card" value="([^"]*)"', other)) == {""}
    assert f'href="{PAGE}?every=month&saved_card="' in other, "another period keeps the choice"
    assert f'href="{PAGE}?every=year&saved_card={card}"' in other


def test_a_card_tester_is_stopped(databases: Databases, kind: str) -> None:
    shop = PlanShop(databases.fresh(kind), PREPAID_ATTEMPTS_PER_HOUR=3)

    answers = [shop.send(plan=plan).status_code for plan in ("small", "large", "small", "large")]

    assert answers == [303, 303, 303, 429]
    shop.close()


def test_while_buying_is_paused_no_plan_begins(databases: Databases, kind: str) -> None:
    shop = PlanShop(databases.fresh(kind), PREPAID_SELLING=False)

    assert shop.send(plan="small").status_code == 503
    assert "Nothing is paid" not in shop.page()
    shop.close()


def test_twice_the_plan_is_twice_the_credits(shop: PlanShop) -> None:
    shop.subscribe("seats", quantity="3")

    assert shop.balance() == 30
    assert [invoice.total_minor for invoice in shop.invoices()] == [450]


def test_new_terms_are_for_new_customers(shop: PlanShop) -> None:
    shop.subscribe("small")
    plans = shop.prepaid.catalog.plans
    plans["small"] = type(plans["small"])("small", credits=80, amount_minor=1_200, name="Small")

    shop.subscribe("small", owner="user:2")
    shop.pass_time(days=29)

    paid = [[invoice.total_minor for invoice in shop.invoices(owner)] for owner in ("user:1", "user:2")]
    assert paid == [[1_000, 1_000], [1_200, 1_200]]
    assert shop.balance("user:2") == 80


def test_another_account_of_stripes_sells_the_plans_once_it_is_connected(shop: PlanShop) -> None:
    shop.subscribe("small")
    shop.do("cancel", when="now")
    shop.stripe.reset(now=shop.stripe.now())  # the new account knows nothing of what was
    assert shop.send(plan="small", owner="user:2").status_code == 409

    assert shop.command("connect").exit_code == 0
    shop.subscribe("small", owner="user:2")
    shop.subscribe("small", owner="user:3")

    assert (shop.balance("user:2"), shop.balance("user:3")) == (100, 100)
    assert len(shop.v1.prices.list({"lookup_keys": ["prepaid_plan_small"]}).data) == 1
