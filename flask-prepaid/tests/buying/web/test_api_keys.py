"""The JSON API where a call is sent again, or for more than was shown: nothing is paid twice or unseen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from flask_prepaid.payments import tax_rates
from flask_prepaid.payments.models import PaymentState
from flask_prepaid.payments.outcome import transitions

from ..purchases.test_companies import bill_to, collect_vat
from ..shop import Shop, ShopWith
from .test_api import PLANS, App


@pytest.fixture
def shop(shop_with: ShopWith) -> Shop:
    return shop_with(PREPAID_JSON_API=True, plans=PLANS)


@pytest.fixture
def app(shop: Shop) -> App:
    return App(shop).begin()


def test_what_costs_more_than_was_shown_is_not_charged(shop: Shop, app: App) -> None:
    wish: dict[str, Any] = {"saved_card": shop.keep_card(), "pack": "starter"}

    for key, most in (("1", 499), ("2", 0), ("3", 1)):
        error = app.ask("POST", "/charge", status=422, key=key, max_minor=most, **wish)["error"]
        assert error["param"] == "max_minor"
        assert "$5.00" in error["message"]

    assert (shop.payments(), shop.charges()) == ([], [])
    assert app.ask("POST", "/charge", key="3", max_minor=500, **wish)["payment"]["state"] == "paid"


def test_a_key_finds_its_payment_whatever_has_changed_since(shop: Shop, app: App) -> None:
    card = shop.keep_card()
    wish: dict[str, Any] = {"key": "lost", "pack": "starter", "saved_card": card}
    page_wish: dict[str, Any] = {"key": "page", "pack": "starter"}
    paid, page = app.ask("POST", "/charge", **wish), app.ask("POST", "/checkout", **page_wish)
    state = shop.read(lambda: shop.prepaid.state)

    app.ask("DELETE", f"/cards/{card}", sure=True)
    packs = shop.prepaid.catalog.packs
    packs["starter"] = replace(packs["starter"], amount_minor=900)
    state.config = replace(state.config, selling=False, attempts_per_hour=1)

    for _time in range(3):
        assert app.ask("POST", "/charge", **wish)["payment"] == paid["payment"]
        assert app.ask("POST", "/checkout", **page_wish)["session_id"] == page["session_id"]
    assert len(shop.charges()) == 1


def test_a_charge_that_waits_at_the_bank_says_where_each_time(shop: Shop, app: App) -> None:
    wish: dict[str, Any] = {
        "key": "1",
        "pack": "starter",
        "saved_card": shop.keep_card(number="4000002760003184"),
    }

    first, again = app.ask("POST", "/charge", **wish), app.ask("POST", "/charge", **wish)

    assert (again["payment"]["id"], again["payment"]["state"]) == (first["payment"]["id"], "open")
    shop.answer_bank(again["next_action"]["url"], "complete")
    assert app.ask("POST", "/charge", **wish)["payment"]["state"] == "paid"
    assert len(shop.charges()) == 1


def test_another_wish_under_the_same_key_is_refused(shop: Shop, app: App) -> None:
    for number in ("4242424242424242", "5555555555554444"):
        shop.keep_card(number=number)
    first, second = (card["id"] for card in app.ask("GET", "/cards")["cards"])
    charge: dict[str, Any] = {"pack": "starter", "saved_card": first}
    checkout: dict[str, Any] = {"pack": "starter", "keep_card": True, "return_path": "/a"}
    app.ask("POST", "/charge", key="c", **charge)
    app.ask("POST", "/checkout", key="p", **checkout)

    for other in ({"saved_card": second}, {"max_minor": 500}, {"pack": "bonus"}):
        assert app.code("POST", "/charge", 409, key="c", **{**charge, **other}) == "key_reused", other
    for other in ({"keep_card": False}, {"return_path": "/b"}, {"elements": True}, {"pack": "bonus"}):
        assert app.code("POST", "/checkout", 409, key="p", **{**checkout, **other}) == "key_reused", other
    assert app.code("POST", "/checkout", 409, key="c", pack="starter") == "key_reused"
    assert len(shop.charges()) == 1


def test_a_key_whose_page_has_expired_opens_one_other(shop: Shop, app: App) -> None:
    wish: dict[str, Any] = {"key": "old", "pack": "starter"}
    pages = [app.ask("POST", "/checkout", **wish)["session_id"]]

    for is_delivered in (True, False):
        shop.dashboard().v1.checkout.sessions.expire(pages[-1])
        if is_delivered:
            shop.stripe.deliver()
        opened = {app.ask("POST", "/checkout", **wish)["session_id"] for _time in range(3)}
        assert len(opened) == 1
        pages += opened

    assert len(set(pages)) == 3
    shop.pay(pages[-1])
    assert app.ask("POST", "/checkout", **wish)["session_id"] == pages[-1]


def test_a_plan_is_begun_once_under_its_key_and_as_it_was_asked_for(shop: Shop, app: App) -> None:
    card = shop.keep_card()
    page = app.ask("POST", "/plan", key="page", plan="large", return_path="/a")["opened"]
    assert app.ask("POST", "/plan", key="page", plan="large", return_path="/a")["opened"] == page
    for other in ({"return_path": "/b"}, {"elements": True}, {"quantity": 2}, {"plan": "small"}):
        other_wish: dict[str, Any] = {"plan": "large", "return_path": "/a", **other}
        assert app.code("POST", "/plan", 409, key="page", **other_wish) == "key_reused", other

    wish: dict[str, Any] = {"key": "card", "plan": "small", "saved_card": card}
    begun = app.ask("POST", "/plan", **wish)
    state = shop.read(lambda: shop.prepaid.state)
    state.config = replace(state.config, selling=False)

    assert app.ask("POST", "/plan", **wish)["plan"] == begun["plan"]
    assert app.code("POST", "/plan", 409, **{**wish, "plan": "large"}) == "key_reused"


def test_a_currency_in_which_it_is_not_sold_is_refused(shop: Shop, app: App) -> None:
    card = shop.keep_card()
    app.ask("POST", "/plan", key="plan", plan="small", saved_card=card)
    preview = app.ask("GET", "/plan/change?plan=large")
    change: dict[str, Any] = {
        "plan": "large",
        **{name: preview[name] for name in ("proration_date", "due_minor")},
    }

    for currency in ("usd", "zzz", "EUR"):
        for method, path, body in (
            ("POST", "/charge", {"key": currency, "pack": "berlin", "saved_card": card}),
            ("POST", "/checkout", {"pack": "berlin"}),
            ("PUT", "/top-up", {"pack": "berlin", "threshold": 5, "times": 1}),
        ):
            error = app.ask(method, path, status=422, currency=currency, **body)["error"]
            assert error["param"] == "currency", path
    assert (
        app.ask("POST", "/plan/change", status=422, currency="eur", **change)["error"]["param"] == "currency"
    )
    assert (
        app.ask("POST", "/charge", key="e", pack="berlin", saved_card=card, currency="eur")["balance"] == 120
    )
    assert app.ask("POST", "/plan/change", currency="usd", **change)["plan"]["slug"] == "large"


def test_a_total_above_max_minor_for_its_tax_is_said_in_numbers(shop_with: ShopWith) -> None:
    shop = shop_with(PREPAID_JSON_API=True, PREPAID_AUTOMATIC_TAX=True, PREPAID_INVOICES=True)
    collect_vat(shop)
    bill_to(shop, company="", tax_id="")
    app = App(shop).begin()
    wish: dict[str, Any] = {"pack": "starter", "saved_card": shop.keep_card()}

    for _time in range(2):
        error = app.ask("POST", "/charge", status=422, key="1", max_minor=500, **wish)["error"]
        assert error["param"] == "max_minor"
        assert "With tax it is 595 in minor units, 95 of them tax" in error["message"]
        assert "under a new Idempotency-Key" in error["message"]

    assert app.ask("POST", "/charge", key="2", max_minor=595, **wish)["payment"]["state"] == "paid"
    assert [charge.amount for charge in shop.charges()] == [595]


REASONS = {
    transitions.UNKNOWN_AT_STRIPE: "The payment was never begun, and no bank was asked.",
    transitions.NEVER_ISSUED: "The payment was never begun, and no bank was asked.",
    transitions.CUSTOMER_GONE: "The account was closed before the card was charged.",
    tax_rates.ABOVE_MAX: "With tax it costs more than was shown, so the card was not charged.",
    "No such PaymentMethod: 'pm_1'": "Stripe did not take this payment, and no bank was asked.",
    "insufficient_funds": "There was not enough money on the card.",
    "do_not_honor": "Your bank declined the card and gave no reason.",
}


def test_a_bank_is_blamed_for_what_it_was_asked_alone(shop: Shop, app: App) -> None:
    page = app.ask("POST", "/checkout", pack="starter")

    def shown(**values: object) -> str | None:
        shop.change_payments(**values)
        failure: str | None = app.ask("GET", "/payments")["payments"][0]["failure"]
        return failure

    for reason, words in REASONS.items():
        assert shown(state=PaymentState.FAILED, failure=reason) == words
    review = "What was paid is not what was asked for. We are looking into it."
    assert shown(state=PaymentState.NEEDS_REVIEW, failure=f"{page['session_id']} has a discount") == review
    assert shown(state=PaymentState.OPEN, failure=None) is None
