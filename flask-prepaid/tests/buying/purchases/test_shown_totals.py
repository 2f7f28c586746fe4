"""A card on file is charged no more than was shown, and a top-up no more than its ceiling, with tax."""

from __future__ import annotations

import re
from typing import Any

import pytest
import stripe
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from flask_prepaid import Pack
from flask_prepaid.payments import tax_rates
from flask_prepaid.payments.models import PaymentState
from stripe_emulator import Emulator

from ..meddling import Meddling
from ..shop import PACKS, Shop, ShopWith
from .test_companies import bill_to, collect_vat, invoices, spend
from .test_promotions import make_codes, pay_with

TAXED: dict[str, Any] = {"PREPAID_AUTOMATIC_TAX": True, "PREPAID_INVOICES": True}


@pytest.fixture
def taxed(shop_with: ShopWith) -> Shop:
    """A shop that collects German VAT from a consumer in Berlin."""
    shop = shop_with(**TAXED, PREPAID_PROMOTION_CODES=True, packs=[*PACKS, Pack("odd", 1, 101)])
    collect_vat(shop)
    bill_to(shop, company="", tax_id="")
    return shop


@pytest.fixture
def late(shop_with: ShopWith) -> tuple[Shop, Meddling]:
    """A shop at a Stripe that knows the tax of the first invoice only when it is final."""
    emulator = Emulator()
    meddling = Meddling(emulator.http_client())
    shop = shop_with(emulator=emulator, http_client=meddling, **TAXED)
    bill_to(shop, company="", tax_id="")
    meddling.before["/finalize"] = lambda: collect_vat(shop)
    return shop, meddling


def press_what_is_shown(browser: FlaskClient, page: str, card: str, pack: str = "starter") -> TestResponse:
    """Buy a pack with the totals that ``page`` shows."""
    form = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
    return browser.post("/prepaid/buy", data={**form, "pack": pack, "saved_card": card})


def allow(shop: Shop, packs: int) -> str:
    """Switch top-up on with a ceiling of so many packs before tax; the page that says how it stands."""
    wish = {"pack": "starter", "threshold": "50", "times": str(packs)}
    shop.send_form(shop.browser(), "/prepaid/cards", to="/prepaid/cards/top-up", **wish)
    return shop.browser().get("/prepaid/cards").text


def test_tax_in_a_currency_of_three_decimals_ends_as_stripe_takes_it(shop_with: ShopWith) -> None:
    """Its last digit is 0: of 2.470 KWD a tax of 19 % is 0.470."""
    packs = [Pack("small", 100, 1_230, "kwd"), Pack("large", 200, 2_470, "kwd")]
    shop = shop_with(**TAXED, packs=packs, quantity=None)
    collect_vat(shop)
    bill_to(shop, company="", tax_id="")
    card, browser = shop.keep_card(), shop.browser()
    shown = press_what_is_shown(browser, browser.get("/prepaid/buy").text, card, pack="small").text
    assert press_what_is_shown(browser, shown, card, pack="small").status_code == 303

    page = browser.get("/prepaid/buy").text
    assert "2.940 KWD with tax" in page
    assert press_what_is_shown(browser, page, card, pack="large").status_code == 303
    assert [charge.amount for charge in shop.charges()] == [2_940, 1_460]


def owe_customer(shop: Shop, amount_minor: int) -> None:
    """Put money into the customer's balance at Stripe, which pays what is final at once."""
    (customer,) = shop.dashboard().v1.customers.list().data
    left: Any = {"amount": -amount_minor, "currency": "usd"}
    shop.dashboard().v1.customers.balance_transactions.create(customer.id, left)


def left_in_balance(shop: Shop) -> int:
    (customer,) = shop.dashboard().v1.customers.list().data
    return -(customer.balance or 0)


@pytest.mark.parametrize("in_balance", [0, 1_000])
def test_a_card_on_file_pays_no_more_than_the_total_that_was_shown(taxed: Shop, in_balance: int) -> None:
    card, browser = taxed.keep_card(), taxed.browser()
    owe_customer(taxed, in_balance)

    first = press_what_is_shown(browser, browser.get("/prepaid/buy").text, card)
    assert first.status_code == 422
    assert "With tax it is $5.95, of which $0.95 are tax. Nothing is charged yet" in first.text
    assert "$5.95 with tax" in first.text
    assert (taxed.charges(), invoices(taxed), left_in_balance(taxed)) == ([], [], in_balance)
    taxed.stripe.deliver()

    assert press_what_is_shown(browser, first.text, card).status_code == 303
    assert [charge.amount for charge in taxed.charges()] == ([] if in_balance else [595])
    assert left_in_balance(taxed) == max(in_balance - 595, 0)
    assert browser.get("/prepaid/buy/custom?credits=10").json == {"total": "$10.00", "with_tax": "$11.90"}
    assert taxed.command("reconcile").exit_code == 0


@pytest.mark.parametrize("in_balance", [0, 1_000])
def test_the_last_top_up_stays_below_the_ceiling_with_its_tax(taxed: Shop, in_balance: int) -> None:
    """A pack costs $5.00, and $5.95 with tax, which nobody knows before the first invoice."""
    taxed.keep_card()
    taxed.command("grant", "user:1", "60", "--reason", "a gift")
    owe_customer(taxed, in_balance)

    allow(taxed, 1)
    spend(taxed, 20, "job:1")
    for _ in range(3):
        taxed.tick()
        taxed.stripe.deliver()
    assert (taxed.charges(), invoices(taxed), left_in_balance(taxed)) == ([], [], in_balance)
    assert len(taxed.payments()) == 1, "it is tried once"
    page = taxed.browser().get("/prepaid/cards").text
    assert "the packs that you allow for this month are bought" in page.replace("&#39;", "'")

    assert "Charged this month: $0.00 of $11.90 at most, tax and all" in allow(taxed, 2)
    for number in range(2):
        taxed.tick()
        spend(taxed, taxed.balance() - 10, f"job:again {number}")
    taxed.tick()
    assert [charge.amount for charge in taxed.charges()] == ([190] if in_balance else [595, 595])
    assert "Charged this month: $11.90 of $11.90 at most" in taxed.browser().get("/prepaid/cards").text


@pytest.mark.parametrize("refused_by", ["the bank", "Stripe"])
def test_the_mail_of_a_failed_top_up_names_what_would_be_charged(
    shop_with: ShopWith, refused_by: str
) -> None:
    mails: list[tuple[str, str, str]] = []
    emulator = Emulator()
    meddling = Meddling(emulator.http_client())
    shop = shop_with(
        emulator=emulator,
        http_client=meddling,
        **TAXED,
        PREPAID_BASE_URL="https://shop.example",
        email=lambda owner: "jo@mail.example",
        mail=lambda *mail: mails.append(mail),
    )
    collect_vat(shop)
    bill_to(shop, company="", tax_id="")
    card = shop.keep_card(number="4000000000000341" if refused_by == "the bank" else "4242424242424242")
    browser = shop.browser()
    shown = press_what_is_shown(browser, browser.get("/prepaid/buy").text, card)
    assert "With tax it is $5.95" in shown.text
    shop.command("grant", "user:1", "60", "--reason", "a gift")
    allow(shop, 3)
    spend(shop, 20, "job:1")

    def refuse() -> None:
        raise stripe.InvalidRequestError("Not today.", None)  # type: ignore[no-untyped-call]

    if refused_by == "Stripe":
        meddling.before["/v1/invoices"] = refuse
    shop.tick()

    ((_, subject, text),) = mails
    assert subject == "Your auto top-up did not go through"
    assert "for $5.95 with your saved card" in text
    assert ("your bank was not asked" in text) is (refused_by == "Stripe")


@pytest.mark.parametrize("is_heard_first", [False, True])
def test_what_stripe_tells_of_a_void_invoice_does_not_hide_its_tax(
    late: tuple[Shop, Meddling], is_heard_first: bool
) -> None:
    shop, meddling = late
    card, browser = shop.keep_card(), shop.browser()
    if is_heard_first:
        meddling.after["/void"] = shop.stripe.deliver

    first = press_what_is_shown(browser, browser.get("/prepaid/buy").text, card)
    assert first.status_code == 422
    assert [invoice.status for invoice in invoices(shop)] == ["void"]
    shop.stripe.deliver()
    (refused,) = shop.payments()
    browser.get(f"/prepaid/return?payment={refused.id}")

    (refused,) = shop.payments()
    assert (refused.state, refused.failure) == (PaymentState.FAILED, tax_rates.ABOVE_MAX)
    page = browser.get("/prepaid/buy").text
    assert "$5.95 with tax" in page
    assert press_what_is_shown(browser, page, card).status_code == 303
    assert [charge.amount for charge in shop.charges()] == [595]


def test_a_top_up_above_its_ceiling_is_no_decline(late: tuple[Shop, Meddling]) -> None:
    shop, _ = late
    shop.keep_card()
    shop.command("grant", "user:1", "60", "--reason", "a gift")
    allow(shop, 1)
    spend(shop, 20, "job:1")

    for _ in range(4):
        shop.tick()
        shop.stripe.advance(days=2)

    assert [invoice.status for invoice in invoices(shop)] == ["void"]
    page = shop.browser().get("/prepaid/cards").text
    assert "the packs that you allow for this month are bought" in page.replace("&#39;", "'")


def test_the_tax_is_known_after_a_discount_and_after_a_small_purchase(taxed: Shop) -> None:
    make_codes(taxed, {"HALF": 50, "ALL": 100})
    browser, page = taxed.browser(), "/prepaid/buy"

    pay_with(taxed, "ALL")  # tells nothing
    assert "with tax" not in browser.get(page).text
    pay_with(taxed, "HALF", pack="bonus")  # $0.95 on $5.00
    assert "$5.95 with tax" in browser.get(page).text
    taxed.press(taxed.keep_card(), pack="odd")  # $0.19 on $1.01
    pay_with(taxed, "ALL")
    assert "$5.95 with tax" in browser.get(page).text

    bill_to(taxed)  # a company now: by reverse charge
    taxed.press(taxed.saved_card(), pack="odd")
    assert "with tax" not in browser.get(page).text
