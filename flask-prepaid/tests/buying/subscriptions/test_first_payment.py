"""A plan that a card on file pays in one press costs what its page has shown, tax and debts and all."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import URL
from werkzeug.test import TestResponse

from flask_prepaid import Plan
from flask_prepaid.testing import Databases

from ..purchases.test_companies import bill_to, collect_vat
from ..web.test_api import App
from .plan_shop import PAGE, PLANS, PlanShop, hidden_fields, one_line


def form_of(page: str, plan: str) -> dict[str, str]:
    """What the form of one plan sends."""
    forms = [form.split("</form>")[0] for form in page.split("<form ")]
    return hidden_fields(next(form for form in forms if f'name="plan" value="{plan}"' in form))


def press(shop: PlanShop, page: str, card: str, plan: str = "small", **more: str) -> TestResponse:
    """Press the button of a plan, on a page that was shown."""
    answer = shop.send(plan=plan, **{**form_of(page, plan), "saved_card": card, **more})
    shop.stripe.deliver()
    return answer


def owe(shop: PlanShop, amount_minor: int) -> None:
    """Put a debt on the customer's balance, as by the dashboard."""
    (customer,) = shop.v1.customers.list().data
    debt: Any = {"amount": amount_minor, "currency": "usd"}
    shop.v1.customers.balance_transactions.create(customer.id, debt)


def charged(shop: PlanShop) -> list[int]:
    return [charge.amount for charge in shop.charges()][::-1]


@pytest.fixture
def taxed(databases: Databases, kind: str) -> PlanShop:
    """A shop that collects German VAT from a consumer in Berlin."""
    database: URL = databases.fresh(kind)
    shop = PlanShop(database, PREPAID_AUTOMATIC_TAX=True, PREPAID_INVOICES=True, PREPAID_JSON_API=True)
    collect_vat(shop)
    bill_to(shop, company="", tax_id="")
    return shop


@pytest.mark.parametrize(
    ("every", "plan", "total", "tax", "total_minor"),
    [("month", "small", "$11.90", "$1.90", 1_190), ("year", "yearly", "$476.00", "$76.00", 47_600)],
)
def test_a_plan_is_not_charged_with_a_tax_that_its_page_did_not_show(
    taxed: PlanShop, every: str, plan: str, total: str, tax: str, total_minor: int
) -> None:
    card, browser = taxed.keep_card(), taxed.browser()

    first = press(taxed, browser.get(f"{PAGE}?every={every}").text, card, plan)
    assert first.status_code == 422
    assert f"With tax it is {total}, of which {tax} are tax. Nothing is charged yet" in first.text
    assert f"{total} today" in first.text
    assert (charged(taxed), taxed.balance()) == ([], 0)

    assert press(taxed, first.text, card, plan).status_code == 303
    assert charged(taxed) == [total_minor]


def test_a_tax_that_is_known_stands_on_the_card_of_each_plan(taxed: PlanShop) -> None:
    card, browser = taxed.keep_card(), taxed.browser()
    taxed.press(card)  # $0.95 of tax on $5.00
    page = browser.get(PAGE).text
    assert "$11.90 with tax" in page

    several = press(taxed, page, card, "seats", quantity="4")
    assert several.status_code == 422
    assert "4 times it is $7.14. Nothing is charged yet: press again to pay." in several.text
    assert charged(taxed) == [595]

    assert press(taxed, several.text, card, "seats", quantity="4").status_code == 303
    assert charged(taxed) == [595, 714]


def test_what_is_owed_from_before_is_shown_before_it_is_charged(shop: PlanShop) -> None:
    card, browser = shop.keep_card(), shop.browser()
    page = browser.get(PAGE).text
    owe(shop, 700)

    several = press(shop, page, card, "seats", quantity="3")
    assert "3 times it is $4.50." in several.text
    first = press(shop, several.text, card, "seats", quantity="3")
    assert first.status_code == 422
    assert "With what you owe from before it is $11.50 today. Nothing is charged yet" in one_line(first.text)
    assert charged(shop) == []
    # It was three times that: four cost more again.
    assert press(shop, first.text, card, "seats", quantity="4").status_code == 422
    assert 'value="3" class="form-control mb-2"' in first.text
    assert press(shop, first.text, card, "seats", quantity="3").status_code == 303
    assert charged(shop) == [1_150]


def test_a_free_trial_charges_no_debt_unseen(shop: PlanShop) -> None:
    card, browser = shop.keep_card(), shop.browser()
    page = browser.get(PAGE).text
    owe(shop, 700)

    assert "it is $7.00 today" in press(shop, page, card, "trial").text
    assert charged(shop) == []


def test_a_form_that_shows_nothing_is_charged_as_it_is(shop: PlanShop) -> None:
    card = shop.keep_card()
    owe(shop, 700)
    assert shop.send(plan="small", saved_card=card).status_code == 303
    assert charged(shop) == [1_700]


def test_a_call_says_how_much_the_first_payment_may_be(taxed: PlanShop) -> None:
    card, app = taxed.keep_card(), App(taxed).begin()
    plan: dict[str, Any] = {"plan": "small", "saved_card": card}

    refused = app.ask("POST", "/plan", status=422, key="one", **plan, max_minor=1_189)["error"]
    assert (refused["param"], "is 1190 in minor units" in refused["message"]) == ("max_minor", True)
    app.ask("POST", "/plan", status=422, key="one", **plan, max_minor=1_189)
    assert charged(taxed) == []
    for _twice in range(2):
        app.ask("POST", "/plan", key="two", **plan, max_minor=1_190)
    assert charged(taxed) == [1_190]


ONCE = Plan("once", credits=300, once=500, amount_minor=3_000, name="Once")
PROMISE = "And 500 credits once, with your first payment"


def test_credits_that_come_once_are_promised_where_they_will_be_given(
    databases: Databases, kind: str
) -> None:
    shop = PlanShop(databases.fresh(kind), plans=[ONCE, *PLANS])
    assert PROMISE in shop.page()
    shop.subscribe("small")
    assert PROMISE not in shop.page(), "a change in the middle of a period does not give them"
    shop.do("cancel", when="now")

    assert PROMISE in shop.page()
    shop.subscribe("once")
    assert shop.balance() == 100 + 300 + 500
    (_, payment) = shop.payments()
    shop.read(lambda: shop.prepaid.refund(payment.id, reason="asked for"))
    shop.stripe.deliver()
    shop.do("cancel", when="now")
    assert PROMISE not in shop.page(), "who has had them gets them no more, though they were refunded"
    before = shop.balance()
    shop.subscribe("once")
    assert shop.balance() == before + 300
