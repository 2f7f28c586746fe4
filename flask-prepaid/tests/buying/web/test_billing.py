"""The page with all of a customer's money, banners, results, and words after each action."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from flask_prepaid.payments.models import Payment, PaymentState

from ..shop import Shop, ShopWith

DECLINES_LATER = "4000000000000341"
ASKS_ALWAYS = "4000002760003184"


def test_billing_has_every_payment_with_its_card_and_folds_what_nobody_paid(shop: Shop) -> None:
    empty = shop.browser().get("/prepaid/billing").text
    shop.pay(shop.buy())
    shop.buy(credits="7")
    shop.press(shop.keep_card(number=DECLINES_LATER))

    page = shop.browser().get("/prepaid/billing").text
    payments = page.partition('<form method="post" action="/prepaid/billing"')[0]
    paid, _, folded = payments.rpartition("<details")

    assert "Buy your first credits" in empty
    assert re.search(r"Visa 4242</td>.*100</td>.*\$5\.00</td>\s*<td[^>]*><span[^>]*>Paid</span>", paid, re.S)
    assert ">Receipt<" in paid
    assert "2 payments not completed" in folded
    assert re.findall(r">(Not paid.*?)</span>", folded) == ["Not paid", "Not paid yet"]
    assert ">Receipt<" not in folded


def test_every_payment_of_the_years_can_be_read(shop: Shop) -> None:
    """205 of them, some unpaid, and three in one moment where a page ends."""
    shop.pay(shop.buy())

    def live_years() -> None:
        (first,) = shop.payments()
        values = {
            "owner": "user:1",
            "via": first.via,
            "credits": 1,
            "amount_minor": 100,
            "currency": "usd",
            "state": PaymentState.EXPIRED,
        }
        for number in range(1, 205):
            same_moment = number if number not in (99, 100) else 98
            at = first.created_at - timedelta(days=same_moment)
            row = {"title": f"try {number:03}", "idempotency_key": f"old:{number}", "created_at": at}
            shop.prepaid.session.add(Payment(**values, **row))
        shop.prepaid.session.commit()

    shop.read(live_years)
    seen, link, pages = [], "/prepaid/billing", 0
    while link:
        page = shop.browser().get(link).text
        assert "Payments not completed, of those on this page" in page
        seen += re.findall(r"<td[^>]*>(try \d+)</td>", page)
        older = re.search(r'href="([^"]+)">Older payments', page)
        link, pages = (older[1].replace("&amp;", "&") if older else ""), pages + 1

    assert sorted(seen) == [f"try {number:03}" for number in range(1, 205)]
    assert pages == 3
    assert "Latest payments" in page
    for odd in ("x", "0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-14:00", "2026-01-01T00:00:00"):
        assert shop.browser().get(f"/prepaid/billing?before={odd}").status_code == 200


def test_the_form_of_the_billing_details_asks_stripe_no_more_often_than_others(shop_with: ShopWith) -> None:
    shop = shop_with(PREPAID_ASKS_PER_MINUTE=1)
    details = {"company": "Ada", "line1": "Hauptstr. 1", "city": "Berlin", "country": "DE"}

    answers = [shop.send_form(shop.browser(), "/prepaid/billing", **details) for _ in range(4)]

    assert 429 in [answer.status_code for answer in answers[1:]]


def test_a_result_says_what_was_bought_with_which_card_and_what_it_did_to_the_balance(shop: Shop) -> None:
    shop.pay(session := shop.buy())
    paid = shop.come_back(session).text
    later = shop.buy(credits="7")
    shop.stripe.decline(later, "4000000000009995")
    waits = shop.come_back(later).text
    failed = shop.press(shop.keep_card(number=DECLINES_LATER)).text

    assert "Visa ending in 4242" in paid
    assert "0 before, 100 after" in paid
    assert "There was not enough money on the card." in waits
    back = shop.send_form(
        shop.browser(), f"/prepaid/return?session_id={later}", to="/prepaid/confirm", payment="2"
    )
    assert f"/pay/{later}" in back.location
    assert "Your bank declined the card and gave no reason." in failed
    assert 'href="/prepaid/buy?pack=starter&amp;saved_card="' in failed


def test_each_action_on_cards_says_that_it_is_done(shop: Shop) -> None:
    browser = shop.browser()
    first, second = shop.keep_card(), shop.keep_card(number="5555555555554444")

    def done(to: str, **fields: str) -> str:
        assert (
            shop.send_form(browser, "/prepaid/cards", to=f"/prepaid/cards/{to}", **fields).status_code == 303
        )
        return said_on(browser)

    assert "pays by default now" in done(f"{first}/default")
    assert "is changed" in done(first, exp_month="3", exp_year="2040")
    assert "Auto top-up is on" in done("top-up", pack="starter", threshold="20", times="2")
    assert "Auto top-up is off" in done("top-up", off="1")
    assert "is removed" in done(f"{second}/remove")


def said_on(browser: FlaskClient) -> str:
    """What the page says first, when it is opened next."""
    words = re.search(
        r'class="alert alert-success" role="status">([^<]+)<', browser.get("/prepaid/cards").text
    )
    assert words is not None
    return words[1]


def test_a_payment_that_the_bank_wants_confirmed_is_a_banner(shop: Shop) -> None:
    shop.press(shop.keep_card(number=ASKS_ALWAYS))

    page = shop.browser().get("/prepaid/buy").text

    assert "Your bank asks you to confirm a payment of $5.00 for “100 credits”." in page
    assert 'href="/prepaid/return?payment=1">Confirm it' in page


def test_a_payment_that_is_not_known_yet_is_a_banner_until_it_is(shop: Shop) -> None:
    card = shop.keep_card()
    shop.stripe.chaos(lost_reply=1.0)
    shop.press(card)
    shop.stripe.chaos()
    before, listed = (shop.browser().get(f"/prepaid/{page}").text for page in ("buy", "billing"))
    shop.stripe.advance(minutes=10)
    shop.tick()

    assert "whether your payment of $5.00 for “100 credits” went through." in before
    assert 'href="/prepaid/return?payment=1">See this payment' in before
    badge = '<span class="badge text-bg-warning">Not known yet</span>'
    assert f'<a href="/prepaid/return?payment=1">{badge}</a>' in listed
    assert "We do not know yet" not in shop.browser().get("/prepaid/buy").text


@pytest.mark.parametrize(
    ("query", "chosen"), [("pack=bonus", "bonus"), ("credits=25", ""), ("pack=unknown", None), ("", None)]
)
def test_what_a_link_names_is_chosen_when_the_page_opens(shop: Shop, query: str, chosen: str | None) -> None:
    page = shop.browser().get(f"/prepaid/buy?{query}").text

    checked = re.findall(r'name="pack" value="([^"]*)"[^>]* checked', page)
    assert checked == ([] if chosen is None else [chosen])
    assert ('value="25"' in page) is (query == "credits=25")


def test_by_a_setting_a_new_card_is_given_on_our_own_page_alone(shop_with: ShopWith) -> None:
    shop = shop_with(PREPAID_OWN_CARD_FORM=True)

    page = shop.browser().get("/prepaid/buy").text
    form = shop.send_form(shop.browser(), "/prepaid/buy", to="/prepaid/buy/custom", pack="starter").text

    assert 'action="/prepaid/buy/custom"' in page
    assert "Stripe's page" not in page
    assert 'data-secret="cs_test_' in form


def test_a_payment_that_failed_has_no_invoice_to_show(shop_with: ShopWith) -> None:
    shop = shop_with(PREPAID_INVOICES=True)
    declining = shop.keep_card(number="4000000000000341")

    failed = shop.press(declining).text
    paid = shop.come_back(shop.buy()).text  # its page is open, and nobody has paid

    assert "The payment did not go through" in failed
    assert "Invoice" not in failed
    assert "Invoice" not in paid
    assert "/prepaid/invoice/" not in shop.browser().get("/prepaid/billing").text


def test_a_company_and_its_tax_id_stand_on_the_invoices_that_come(shop_with: ShopWith) -> None:
    shop = shop_with(PREPAID_INVOICES=True)
    browser = shop.browser()
    too_long = shop.send_form(browser, "/prepaid/billing", company="Ada GmbH", tax_id="9" * 41)

    saved = shop.send_form(browser, "/prepaid/billing", company=" Ada  GmbH ", tax_id="DE123456789")
    shop.pay(shop.buy())

    assert too_long.status_code == 422
    assert "Write a tax id of up to 40 characters." in too_long.text
    assert 'value="Ada GmbH"' in too_long.text, "what was written stands there still"
    assert saved.location == "/prepaid/billing"
    assert 'value="DE123456789"' in browser.get("/prepaid/billing").text
    (invoice,) = shop.dashboard().v1.invoices.list().data
    assert invoice.customer_name == "Ada GmbH"
    assert [(field.name, field.value) for field in invoice.custom_fields or []] == [("Tax ID", "DE123456789")]
    shop.send_form(browser, "/prepaid/billing", company="", tax_id="")
    (customer,) = shop.dashboard().v1.customers.list().data
    assert customer.name is None
    assert customer.invoice_settings is not None
    assert customer.invoice_settings.custom_fields is None
