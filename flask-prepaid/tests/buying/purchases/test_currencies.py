"""Packs and plans with a price in each of several currencies, and which of them a customer pays."""

from __future__ import annotations

import re
from typing import Any

import pytest

from flask_prepaid import Pack, Plan
from flask_prepaid.errors import ConfigError, UnknownItem
from flask_prepaid.payments.models import Via

from ..shop import QUANTITY, ShopWith

PACKS = (
    Pack("starter", credits=100, prices={"usd": 500, "eur": 450}),
    Pack("local", credits=10, amount_minor=300, currency="gbp"),
)
PLANS = (
    Plan("pro", credits=1_000, prices={"usd": 4_900, "eur": 4_500}),
    Plan("max", credits=9_000, prices={"usd": 9_900, "eur": 9_000}),
    Plan("us-only", credits=5_000, amount_minor=7_900),
)


def prices(page: str) -> list[str]:
    return re.findall(r'choice-price">([^<]+)<', page)


def test_who_pays_in_which_currency_is_said_before_and_stays(shop_with: ShopWith) -> None:
    shop = shop_with(packs=PACKS, plans=PLANS, quantity=QUANTITY, PREPAID_INVOICES=True)
    browser = shop.browser()

    assert prices(browser.get("/prepaid/buy").text)[:2] == ["$5.00", "£3.00"]
    assert prices(browser.get("/prepaid/buy?currency=eur").text)[:2] == ["€4.50", "£3.00"]
    assert prices(browser.get("/prepaid/buy?currency=xyz").text)[:2] == ["$5.00", "£3.00"]
    shop.pay(shop.session_of(shop.send_form(browser, "/prepaid/buy", pack="starter", currency="eur")))
    assert prices(browser.get("/prepaid/buy").text)[0] == "€4.50", "what was paid in last"
    assert [(payment.currency, payment.paid_minor) for payment in shop.payments()] == [("eur", 450)]

    home = {"company": "Bob", "line1": "1 High St", "city": "Berlin", "country": "DE"}
    shop.send_form(shop.browser("user:2"), "/prepaid/billing", **home)
    assert prices(shop.browser("user:2").get("/prepaid/buy").text)[0] == "€4.50", "that of the country"

    card = shop.keep_card()
    shop.send_form(browser, "/prepaid/plan", plan="pro", saved_card=card, currency="eur")
    assert shop.payments()[-1].amount_minor == 4_500
    plan = browser.get("/prepaid/plan?currency=usd").text
    assert "€90.00" in plan, "a plan stays in its currency"
    shop.press(card, pack="starter", currency="usd")
    assert shop.payments()[-1].currency == "eur"
    other = browser.get("/prepaid/plan/change?plan=us-only")
    assert other.status_code == 409
    assert "sold in another currency" in other.text
    changed = browser.get("/prepaid/plan/change?plan=max").text
    assert "€" in changed
    topup = {"pack": "starter", "threshold": "50", "times": "9"}
    shop.send_form(browser, "/prepaid/cards", to="/prepaid/cards/top-up", **topup)
    shop.read(lambda: shop.prepaid.spend_now("user:1", credits=shop.balance() - 10, key="job:1"))
    shop.tick()
    assert (shop.payments()[-1].via, shop.payments()[-1].currency) == ("topup", "eur")
    assert shop.command("reconcile").exit_code == 0
    assert shop.command("connect").exit_code == 0


def test_a_host_names_the_currency_or_is_told_that_it_is_not_sold(shop_with: ShopWith) -> None:
    shop = shop_with(packs=PACKS, plans=PLANS, PREPAID_CURRENCY="eur")
    where: Any = {"success_url": "https://shop.example/", "cancel_url": "https://shop.example/"}

    def total(**wish: Any) -> tuple[str | None, int | None]:
        url = shop.read(lambda: shop.prepaid.checkout("user:1", **wish, **where))
        session_id = re.search(r"cs_test_\w+", url)
        assert session_id is not None
        session = shop.dashboard().v1.checkout.sessions.retrieve(session_id[0])
        return session.currency, session.amount_total

    assert total(pack="starter") == ("eur", 450)
    assert total(pack="starter", currency="usd") == ("usd", 500)
    assert total(plan="pro", currency="usd") == ("usd", 4_900)
    with pytest.raises(UnknownItem, match="It is sold in usd, eur, not in 'gbp'"):
        total(pack="starter", currency="gbp")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({}, "has no price"),
        ({"prices": {}}, "Write prices="),
        ({"prices": [500]}, "Write prices="),
        ({"prices": {"EUR": 450}}, "Did you mean eur"),
        ({"prices": {"usd": 500, "eur": 4}}, r"prices\['eur'\] is 4"),
        ({"prices": {"usd": 500, "eur": 4.5}}, r"prices\['eur'\]"),
        ({"prices": {"usd": 500}, "amount_minor": 600}, "says its price twice"),
        ({"prices": {"usd": 500}, "currency": "eur"}, "says its price twice"),
    ],
)
def test_a_price_list_that_is_wrong_is_refused_where_it_is_written(wrong: Any, words: str) -> None:
    for kind in (Pack, Plan):
        with pytest.raises(ConfigError, match=words):
            kind("starter", credits=100, **wrong)


def test_the_setting_names_a_currency_that_is_sold(shop_with: ShopWith) -> None:
    with pytest.raises(ConfigError, match="PREPAID_CURRENCY"):
        shop_with(packs=PACKS, PREPAID_CURRENCY="jpy")


def test_a_price_is_paid_in_the_currency_in_which_it_was_shown_or_not_at_all(shop_with: ShopWith) -> None:
    shop = shop_with(packs=PACKS, plans=PLANS)
    browser, card = shop.browser(), shop.keep_card()
    page = browser.get("/prepaid/buy?currency=usd").text
    form = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
    shop.send_form(shop.browser(), "/prepaid/plan", plan="pro", saved_card=card, currency="eur")

    pressed = browser.post("/prepaid/buy", data={**form, "pack": "starter", "saved_card": card})

    assert pressed.status_code == 422
    assert "You pay in EUR now. Look at the price again." in pressed.text
    assert [payment.via for payment in shop.payments()] == [Via.PLAN]


def test_an_invoice_sells_nothing_in_another_currency_than_the_plans(shop_with: ShopWith) -> None:
    shop = shop_with(packs=PACKS, plans=PLANS, quantity=QUANTITY, PREPAID_INVOICES=True)
    card, browser = shop.keep_card(), shop.browser()
    topup = {"pack": "local", "threshold": "5", "times": "9"}
    shop.send_form(browser, "/prepaid/cards", to="/prepaid/cards/top-up", **topup)
    shop.send_form(browser, "/prepaid/plan", plan="pro", saved_card=card, currency="eur")

    shelf, own = browser.get("/prepaid/buy").text, browser.get("/prepaid/buy/custom").text
    assert "£3.00" not in shelf
    assert "Any number of credits" not in shelf, "that is sold in dollars"
    assert "How many credits?" not in own
    for wish in ({"pack": "local", "saved_card": card}, {"pack": "local"}, {"credits": "10"}):
        pressed = shop.send_form(browser, "/prepaid/cards", to="/prepaid/buy", **wish)
        assert pressed.status_code == 422
        assert "While your plan runs in EUR" in pressed.text
    assert ">10 credits for £3.00<" not in browser.get("/prepaid/cards").text
    again = shop.send_form(browser, "/prepaid/cards", to="/prepaid/cards/top-up", **topup)
    assert "While your plan runs in EUR" in again.text

    shop.read(lambda: shop.prepaid.spend_now("user:1", credits=shop.balance() - 1, key="job:1"))
    shop.tick()

    assert [payment.via for payment in shop.payments()] == [Via.PLAN]
    assert "your plan is paid in another currency" in browser.get("/prepaid/cards").text


def test_what_a_plan_was_shown_in_is_what_it_costs(shop_with: ShopWith) -> None:
    """Two tabs: in one a plan in euros begins, in the other a form still shows dollars."""
    shop = shop_with(packs=PACKS, plans=PLANS)
    card, browser = shop.keep_card(), shop.browser()
    form = browser.get("/prepaid/plan").text
    assert re.findall(r'name="currency" value="(\w+)"', form)[0] == "usd"
    shop.send_form(browser, "/prepaid/plan", plan="pro", saved_card=card, currency="eur")

    in_dollars = shop.send_form(browser, "/prepaid/plan", plan="pro", saved_card=card, currency="usd")
    changed = shop.send_form(browser, "/prepaid/plan", to="/prepaid/plan/change", plan="max", currency="usd")

    for refused in (in_dollars, changed):
        assert refused.status_code == 422
        assert "You pay in EUR now. Look at the price again." in refused.text
    assert [payment.currency for payment in shop.payments()] == ["eur"]
