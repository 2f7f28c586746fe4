"""Companies buy in two currencies, in every way: their invoices are alike, and the books are Stripe's."""

from __future__ import annotations

import re

from flask_prepaid import Pack, Plan

from ..shop import Shop, ShopWith
from .test_companies import bill_to, collect_vat, invoices, sold_by_journal

PACK = Pack("starter", credits=100, prices={"usd": 500, "eur": 450})
PLAN = Plan("pro", credits=1_000, prices={"usd": 4_900, "eur": 4_500})


def test_four_invoices_in_each_of_two_currencies_are_alike_and_are_the_journals_sums(
    shop_with: ShopWith,
) -> None:
    shop = shop_with(packs=[PACK], plans=[PLAN], PREPAID_AUTOMATIC_TAX=True, PREPAID_INVOICES=True)
    collect_vat(shop)
    shop.stripe.settlement(currencies=["usd", "eur"])

    buy_in_four_ways(shop, "user:1", "eur")
    buy_in_four_ways(shop, "user:2", "usd")

    billed = invoices(shop)
    assert sorted((invoice.currency, invoice.total) for invoice in billed) == [
        *[("eur", 450)] * 3,
        ("eur", 4_500),
        *[("usd", 500)] * 3,
        ("usd", 4_900),
    ]
    for invoice in billed:
        assert (invoice.status, invoice.customer_name) == ("paid", "Ada GmbH")
        assert invoice.customer_address is not None
        assert (invoice.customer_address.line1, invoice.customer_address.country) == ("Hauptstr. 1", "DE")
        assert [tax_id.value for tax_id in invoice.customer_tax_ids or []] == ["DE123456789"]
        assert [tax.taxability_reason for tax in invoice.total_taxes or []] == ["reverse_charge"]
    for owner, currency in (("user:1", "eur"), ("user:2", "usd")):
        page = shop.browser(owner).get("/prepaid/billing").text
        shown = set(re.findall(r'href="/prepaid/invoice/\d+">Invoice ([^<]+)<', page))
        assert shown == {invoice.number for invoice in billed if invoice.currency == currency}
        assert page.count("reverse charge</span>") == 4
    assert shop.command("sync").exit_code == 0
    sold = sold_by_journal(shop)
    assert {currency: total["gross_minor"] for currency, total in sold.items()} == {
        "eur": 3 * 450 + 4_500,
        "usd": 3 * 500 + 4_900,
    }
    assert shop.command("reconcile").exit_code == 0


def buy_in_four_ways(shop: Shop, owner: str, currency: str) -> None:
    """On Checkout, with a saved card, by auto top-up, and a plan."""
    bill_to(shop, owner)
    shop.pay(shop.buy(owner, pack="starter", currency=currency))
    card = shop.keep_card(owner)
    shop.press(card, owner, currency=currency)
    topup = {"pack": "starter", "threshold": "50", "times": "9"}
    shop.send_form(shop.browser(owner), "/prepaid/cards", to="/prepaid/cards/top-up", **topup)
    shop.read(lambda: shop.prepaid.spend_now(owner, credits=180, key="job:1"))
    shop.tick()
    plan = {"plan": "pro", "saved_card": card, "currency": currency}
    shop.send_form(shop.browser(owner), "/prepaid/plan", **plan)
    shop.stripe.deliver()
    assert shop.balance(owner) == 100 + 100 - 180 + 100 + 1_000
