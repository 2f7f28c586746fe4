"""Companies buy: whatever pays, the invoice has their name, address and VAT id, and the tax is right."""

from __future__ import annotations

import csv
import html
import json
import re
from collections import defaultdict
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
import stripe
from sqlalchemy import update

from flask_prepaid import Plan
from flask_prepaid.payments.customers.models import Customer
from flask_prepaid.payments.models import PaymentState
from stripe_emulator import Emulator

from ..meddling import Meddling
from ..shop import Shop, ShopWith
from .test_topups import setting, switch_on

BERLIN = {
    "company": "Ada GmbH",
    "line1": "Hauptstr. 1",
    "postal_code": "10115",
    "city": "Berlin",
    "country": "DE",
    "tax_id": "DE123456789",
}
PRO = Plan("pro", credits=1_000, amount_minor=4_900)
NEEDS_OWNER, DECLINES_LATER = "4000002760003184", "4000000000000341"


@pytest.fixture
def taxed(shop_with: ShopWith) -> Shop:
    """A shop that collects German VAT, and makes an invoice of everything."""
    shop = shop_with(PREPAID_AUTOMATIC_TAX=True, PREPAID_INVOICES=True, plans=[PRO])
    collect_vat(shop)
    return shop


def collect_vat(shop: Shop) -> None:
    vat: Any = {"display_name": "VAT", "percentage": 19, "inclusive": False, "country": "DE"}
    shop.dashboard().v1.tax_rates.create(vat)


def bill_to(shop: Shop, owner: str = "user:1", **lines: str) -> None:
    """Write on the billing page whom invoices are for."""
    saved = shop.send_form(shop.browser(owner), "/prepaid/billing", **{**BERLIN, **lines})
    assert saved.status_code == 303, saved.text


def invoices(shop: Shop) -> list[stripe.Invoice]:
    """The invoices at Stripe, newest first."""
    return list(shop.dashboard().v1.invoices.list({"limit": 100}).data)


def spend(shop: Shop, credits: int, key: str) -> None:
    shop.read(lambda: shop.prepaid.spend_now("user:1", credits=credits, key=key))


def refund(shop: Shop, amount_minor: int) -> None:
    """Send a part of the first payment back."""
    shop.read(lambda: shop.prepaid.refund(1, amount_minor=amount_minor, reason="asked for"))


def test_a_company_in_berlin_buys_in_four_ways_and_each_invoice_is_the_same(taxed: Shop) -> None:
    bill_to(taxed)
    taxed.pay(taxed.buy())
    taxed.press(taxed.keep_card())
    taxed.send_form(
        taxed.browser(),
        "/prepaid/cards",
        to="/prepaid/cards/top-up",
        pack="starter",
        threshold="50",
        times="9",
    )
    spend(taxed, 180, "job:1")
    taxed.tick()
    taxed.send_form(taxed.browser(), "/prepaid/plan", plan="pro", saved_card=taxed.saved_card())

    billed = invoices(taxed)
    assert taxed.balance() == 100 + 100 - 180 + 100 + 1_000
    assert [invoice.status for invoice in billed] == ["paid"] * 4
    for invoice in billed:
        assert invoice.customer_name == "Ada GmbH"
        assert invoice.customer_address is not None
        assert (invoice.customer_address.line1, invoice.customer_address.country) == ("Hauptstr. 1", "DE")
        assert [tax_id.value for tax_id in invoice.customer_tax_ids or []] == ["DE123456789"]
        assert [tax.taxability_reason for tax in invoice.total_taxes or []] == ["reverse_charge"]
        assert invoice.total == invoice.subtotal
    page = taxed.browser().get("/prepaid/billing").text
    links = dict(re.findall(r'href="(/prepaid/invoice/\d+)">Invoice ([^<]+)<', page))
    assert set(links.values()) == {invoice.number for invoice in billed}
    assert page.count("reverse charge</span>") == 4
    for link in links:
        pdf = taxed.browser().get(link).location.removeprefix("http://127.0.0.1:12111")
        printed = taxed.stripe.browser().get(pdf).data
        for words in (b"Ada GmbH", b"Hauptstr. 1", b"DE123456789", b"reverse charge"):
            assert words in printed
    assert taxed.command("reconcile").exit_code == 0


def test_a_consumer_pays_the_tax_on_a_card_on_file_and_gets_all_of_it_back(taxed: Shop) -> None:
    bill_to(taxed, company="", tax_id="")
    card = taxed.keep_card()

    result = taxed.press(card).text

    (payment,) = taxed.payments()
    (invoice,) = invoices(taxed)
    assert "100 credits added for $5.95" in result
    assert (payment.amount_minor, payment.paid_minor, payment.tax_minor) == (500, 595, 95)
    assert (payment.taxed, payment.invoice_number) == ("DE standard_rated", invoice.number)
    refunded = taxed.read(lambda: taxed.prepaid.refund(payment.id, reason="asked for"))
    assert (refunded.amount_minor, taxed.balance()) == (595, 0)
    assert taxed.command("reconcile").exit_code == 0


def test_where_the_country_is_not_known_no_card_on_file_is_charged(taxed: Shop) -> None:
    card = taxed.keep_card()

    pack = taxed.press(card)
    plan = taxed.send_form(taxed.browser(), "/prepaid/plan", plan="pro", saved_card=card)
    taxed.send_form(
        taxed.browser(),
        "/prepaid/cards",
        to="/prepaid/cards/top-up",
        pack="starter",
        threshold="50",
        times="9",
    )
    taxed.tick()

    assert (pack.status_code, plan.status_code) == (422, 422)
    for page in (pack.text, plan.text):
        assert "Your billing address is needed to find the tax." in page
    assert "your billing address is missing" in taxed.browser().get("/prepaid/cards").text
    assert taxed.payments() == []
    written: Any = {"address": {"line1": "Hauptstr. 1", "country": "DE"}}
    (customer,) = taxed.dashboard().v1.customers.list().data
    taxed.dashboard().v1.customers.update(customer.id, written)  # in the portal; no event has come yet
    assert "for $5.95" in taxed.press(card).text


def test_what_is_refused_can_be_paid_never_more(taxed: Shop) -> None:
    bill_to(taxed)
    declined = taxed.press(taxed.keep_card(number=DECLINES_LATER)).text
    taxed.keep_card(number=NEEDS_OWNER)
    (newest,) = (
        card.id for card in taxed.read(lambda: taxed.prepaid.cards("user:1")) if card.last4 == "3184"
    )
    taxed.answer_bank(taxed.press(newest).location, "fail")

    assert "Your bank declined the card" in declined
    assert [payment.state for payment in taxed.payments()] == [PaymentState.FAILED] * 2
    assert {invoice.status for invoice in invoices(taxed)} == {"void"}
    assert taxed.balance() == 0
    assert taxed.command("reconcile").exit_code == 0


def test_a_bank_that_wants_its_customer_is_answered_on_its_page(taxed: Shop) -> None:
    bill_to(taxed)
    card = taxed.keep_card(number=NEEDS_OWNER)
    taxed.answer_bank(taxed.press(card).location, "complete")
    assert taxed.balance() == 100

    taxed.send_form(
        taxed.browser(),
        "/prepaid/cards",
        to="/prepaid/cards/top-up",
        pack="starter",
        threshold="50",
        times="9",
    )
    spend(taxed, 60, "job:1")
    taxed.tick()  # nobody is there to answer
    (_, topup) = taxed.payments()
    assert topup.state is PaymentState.OPEN
    led = taxed.send_form(
        taxed.browser(), f"/prepaid/return?payment={topup.id}", to="/prepaid/confirm", payment=str(topup.id)
    )
    taxed.answer_bank(led.location, "complete")

    assert taxed.balance() == 140
    assert [invoice.status for invoice in invoices(taxed)] == ["paid", "paid"]


def test_what_a_bank_asks_about_is_said_with_its_tax(taxed: Shop) -> None:
    bill_to(taxed, company="", tax_id="")
    taxed.press(taxed.keep_card(number=NEEDS_OWNER))

    assert "confirm the payment of $5.95 for" in taxed.browser().get("/prepaid/return?payment=1").text
    assert "confirm a payment of $5.95 for" in taxed.browser().get("/prepaid/buy").text
    assert "$5.95" in taxed.browser().get("/prepaid/billing").text


def test_a_challenge_that_nobody_answers_is_closed_with_its_invoice(taxed: Shop) -> None:
    bill_to(taxed)
    taxed.press(taxed.keep_card(number=NEEDS_OWNER))

    taxed.stripe.advance(hours=25)
    taxed.tick()

    assert [payment.state for payment in taxed.payments()] == [PaymentState.FAILED]
    assert [invoice.status for invoice in invoices(taxed)] == ["void"]


def test_no_invoice_stays_open_where_the_way_to_the_bank_is_refused(shop_with: ShopWith) -> None:
    emulator = Emulator()
    meddling = Meddling(emulator.http_client())
    shop = shop_with(emulator=emulator, http_client=meddling, PREPAID_INVOICES=True)
    card = shop.keep_card(number=NEEDS_OWNER)
    meddling.before["/confirm"] = lambda: shop.dashboard().v1.payment_methods.detach(card)

    shop.press(card)

    assert [payment.state for payment in shop.payments()] == [PaymentState.FAILED]
    assert [invoice.status for invoice in invoices(shop)] == ["void"]


def test_what_can_still_be_paid_has_not_failed(shop_with: ShopWith) -> None:
    """Stripe does not close the invoice that a bank has refused; the tick asks again."""
    emulator = Emulator()
    meddling = Meddling(emulator.http_client())
    shop = shop_with(emulator=emulator, http_client=meddling, PREPAID_INVOICES=True, webhooks=False)
    card = shop.keep_card(number=DECLINES_LATER)

    def refuse() -> None:
        raise stripe.InvalidRequestError("It is being paid.", None)  # type: ignore[no-untyped-call]

    meddling.before["/void"] = refuse
    shop.send_form(shop.browser(), "/prepaid/buy", pack="starter", saved_card=card)

    assert [invoice.status for invoice in invoices(shop)] == ["open"]
    assert [payment.state for payment in shop.payments()] == [PaymentState.PENDING]
    shop.tick()
    assert [payment.state for payment in shop.payments()] == [PaymentState.FAILED]
    assert [invoice.status for invoice in invoices(shop)] == ["void"]


def test_a_customers_balance_at_stripe_pays_and_is_no_charge(taxed: Shop) -> None:
    bill_to(taxed)
    card = taxed.keep_card()
    (customer,) = taxed.dashboard().v1.customers.list().data
    left: Any = {"amount": -500, "currency": "usd"}
    taxed.dashboard().v1.customers.balance_transactions.create(customer.id, left)

    taxed.press(card)

    (payment,) = taxed.payments()
    assert (payment.state, payment.paid_minor, payment.charged_minor) == (PaymentState.PAID, 500, 0)
    assert taxed.balance() == 100
    assert taxed.command("reconcile").exit_code == 0


def test_the_audit_knows_what_of_a_price_the_balance_has_paid(taxed: Shop) -> None:
    bill_to(taxed)
    card = taxed.keep_card()
    (customer,) = taxed.dashboard().v1.customers.list().data
    left: Any = {"amount": -300, "currency": "usd"}
    taxed.dashboard().v1.customers.balance_transactions.create(customer.id, left)

    taxed.press(card)
    assert taxed.command("sync").exit_code == 0

    (payment,) = taxed.payments()
    assert (payment.paid_minor, payment.charged_minor) == (500, 200)
    assert taxed.audit() == []


def test_what_a_customer_owes_at_stripe_is_not_charged_with_a_pack(taxed: Shop) -> None:
    bill_to(taxed)
    card = taxed.keep_card()
    (customer,) = taxed.dashboard().v1.customers.list().data
    owed: Any = {"amount": 20_000, "currency": "usd"}
    taxed.dashboard().v1.customers.balance_transactions.create(customer.id, owed)

    page = html.unescape(taxed.press(card).text)

    assert [payment.state for payment in taxed.payments()] == [PaymentState.FAILED]
    assert "A small sum of your plan is still to be paid and would be charged with this" in page
    assert invoices(taxed) == []
    assert taxed.charges() == []
    assert taxed.command("reconcile").exit_code == 0

    switch_on(taxed, ceiling_minor=5_000)
    for hours in (0, 1, 24):
        taxed.stripe.advance(hours=hours, minutes=1)
        taxed.tick()
    taxed.tick()
    assert setting(taxed).stopped == "a small sum of your plan is still to be paid"
    taxed.pay(taxed.buy())
    assert taxed.balance() == 100


def test_another_street_leaves_tax_ids_and_what_else_invoices_print(taxed: Shop) -> None:
    bill_to(taxed, company="Sol SA", tax_id="", country="ES")
    (customer,) = taxed.dashboard().v1.customers.list().data
    tax_ids = taxed.dashboard().v1.customers.tax_ids
    order: Any = {"invoice_settings": {"custom_fields": [{"name": "Order", "value": "17"}]}}
    taxed.dashboard().v1.customers.update(customer.id, order)
    older: Any = {"type": "gb_vat", "value": "GB123456789"}
    newer: Any = {"type": "es_cif", "value": "A12345678"}
    tax_ids.create(customer.id, older)
    taxed.stripe.advance(minutes=1)
    tax_ids.create(customer.id, newer)
    taxed.stripe.deliver()

    bill_to(taxed, company="Sol SA", tax_id="A12345678", country="ES", line1="Calle 2")

    assert [(each.type, each.value) for each in tax_ids.list(customer.id)] == [
        ("es_cif", "A12345678"),
        ("gb_vat", "GB123456789"),
    ]
    (customer,) = taxed.dashboard().v1.customers.list().data
    assert customer.address is not None
    assert customer.address.line1 == "Calle 2"
    assert customer.invoice_settings is not None
    assert [field.value for field in customer.invoice_settings.custom_fields or []] == ["17"]


def test_what_a_customer_writes_at_stripe_is_heard_and_what_is_written_here_is_kept_there(
    taxed: Shop,
) -> None:
    session = taxed.buy()
    paid = {key: BERLIN[key] for key in ("line1", "postal_code", "city", "country")}
    business: Any = {"tax_id": {"type": "eu_vat", "value": "DE123456789"}, "business_name": "Ada GmbH"}
    taxed.stripe.pay(session, address=paid, **business)
    page = taxed.browser().get("/prepaid/billing").text
    for text in ("Ada GmbH", "Hauptstr. 1", "DE123456789"):
        assert f'value="{text}"' in page
    assert '<option value="DE" selected>Germany' in page
    taxed.stripe.advance(minutes=1)
    assert "Its register knows this tax id." in taxed.browser().get("/prepaid/billing").text

    wrong = taxed.send_form(taxed.browser(), "/prepaid/billing", **{**BERLIN, "tax_id": "DE12"})
    nowhere = taxed.send_form(taxed.browser(), "/prepaid/billing", **{**BERLIN, "country": "XY"})
    assert (wrong.status_code, nowhere.status_code) == (422, 422)
    assert "This is no tax id of Germany." in wrong.text
    bill_to(taxed, company="Ada Holding GmbH", tax_id="222222222")
    (customer,) = taxed.dashboard().v1.customers.list().data
    held = taxed.dashboard().v1.customers.tax_ids.list(customer.id).data
    assert (customer.name, [tax_id.value for tax_id in held]) == ("Ada Holding GmbH", ["DE222222222"])
    taxed.dashboard().v1.customers.tax_ids.delete(customer.id, held[0].id)
    taxed.stripe.deliver()
    assert "DE222222222" not in taxed.browser().get("/prepaid/billing").text


def sold_by_journal(shop: Shop) -> dict[str, Any]:
    """The totals of the sales report by currency. The journal has the same sums, and Stripe's balance."""
    lines = list(csv.DictReader(StringIO(shop.command("report", "journal", "--csv").stdout)))
    entries: defaultdict[str, Decimal] = defaultdict(Decimal)
    accounts: defaultdict[tuple[str, str], int] = defaultdict(int)
    for line in lines:
        moved = Decimal(line["debit"] or 0) - Decimal(line["credit"] or 0)
        entries[line["entry"]] += moved
        accounts[line["currency"], line["account"]] += int(moved * 100)
    assert list(lines[0])[:5] == ["date", "account", "debit", "credit", "currency"]
    assert set(entries.values()) == {Decimal(0)}
    movements = list(shop.dashboard().v1.balance_transactions.list({"limit": 100}).auto_paging_iter())
    assert entries.keys() == {moved.id for moved in movements}

    sold = {
        row["currency"]: row for row in json.loads(shop.command("report", "sales", "--json").stdout)["totals"]
    }
    assert sold.keys() == {"usd", "eur"}
    for currency, total in sold.items():
        minor_of = {account: minor for (each, account), minor in accounts.items() if each == currency}
        assert minor_of["stripe"] == sum(moved.net for moved in movements if moved.currency == currency)
        assert -minor_of["sales"] == total["gross_minor"] - total["tax_minor"]
        assert minor_of.get("fees", 0) == total["fees_minor"]
        assert -minor_of.get("tax", 0) == total["tax_minor"] - total["tax_back_minor"]
        lost = minor_of.get("refunds", 0) + minor_of.get("disputes", 0)
        assert lost == total["refunds_minor"] + total["disputes_minor"] - total["tax_back_minor"]
        assert minor_of["stripe"] + minor_of.get("bank", 0) == total["net_minor"]
    return sold


def test_the_journal_is_the_sales_report_and_stripes_balance_in_two_currencies(taxed: Shop) -> None:
    taxed.stripe.settlement(currencies=["usd", "eur"])
    bill_to(taxed, company="", tax_id="")
    card = taxed.keep_card()
    for pack in ("starter", "berlin", "starter"):
        taxed.press(card, pack=pack)
    for part in (100, 201, 294):  # in the end all of it, with all of the tax
        refund(taxed, part)
    taxed.stripe.dispute(taxed.payments()[2].payment_intent_id)
    bill_to(taxed)
    taxed.press(card, pack="berlin")
    payout: Any = {"amount": 100, "currency": "eur"}
    taxed.stripe.advance(days=10)
    taxed.dashboard().v1.payouts.create(payout)
    assert taxed.command("sync").exit_code == 0

    sold = sold_by_journal(taxed)
    assert (sold["usd"]["refunds_minor"], sold["usd"]["tax_back_minor"]) == (595, 95 + 95)
    by_tax = json.loads(taxed.command("report", "sales", "--by", "tax", "--json").stdout)["rows"]
    assert {(row["tax"], row["currency"], row["gross_minor"], row["tax_minor"]) for row in by_tax} == {
        ("DE standard_rated", "usd", 1190, 190),
        ("DE standard_rated", "eur", 833, 133),
        ("DE reverse_charge", "eur", 700, 0),
    }
    assert taxed.command("report", "journal", "--by", "day").exit_code == 2


class Weaker(Meddling):
    """The way to a Stripe where the payment's currency is worth a tenth less when its money goes back."""

    def request(self, method: str, url: str, headers: Any, post_data: Any = None, **more: Any) -> Any:
        body, *rest = super().request(method, url, headers, post_data, **more)
        if "/v1/balance_transactions" not in url:
            return body, *rest
        page = json.loads(body)
        for moved in page["data"]:
            if moved["exchange_rate"] and moved["type"] != "charge":
                moved["exchange_rate"] *= 0.9
                moved["amount"] = round(moved["amount"] * 0.9)
                moved["net"] = moved["amount"] - moved["fee"]
        return json.dumps(page), *rest


@pytest.mark.parametrize("disputed", [False, True])
def test_tax_goes_back_by_the_rate_at_which_it_was_owed(shop_with: ShopWith, disputed: bool) -> None:
    """833 euro cents, of which 133 are tax, were sold into dollars; what goes back costs fewer dollars."""
    emulator = Emulator()
    weaker = Weaker(emulator.http_client())
    shop = shop_with(emulator=emulator, http_client=weaker, PREPAID_AUTOMATIC_TAX=True, PREPAID_INVOICES=True)
    collect_vat(shop)
    bill_to(shop, company="", tax_id="")
    shop.press(shop.keep_card(), pack="berlin")
    if disputed:
        shop.stripe.dispute(shop.payments()[0].payment_intent_id)
    else:
        for part in (100, 201, 532):
            refund(shop, part)
    assert shop.command("sync").exit_code == 0

    (total,) = json.loads(shop.command("report", "sales", "--json").stdout)["totals"]
    lines = list(csv.DictReader(StringIO(shop.command("report", "journal", "--csv").stdout)))
    tax = sum(
        Decimal(line["debit"] or 0) - Decimal(line["credit"] or 0)
        for line in lines
        if line["account"] == "tax"
    )
    assert total["currency"] == "usd"
    back = total["refunds_minor"] + total["disputes_minor"]
    assert back < total["gross_minor"]
    assert total["tax_back_minor"] == total["tax_minor"] > 0
    assert tax == 0


def test_no_file_of_a_report_has_a_formula(shop: Shop) -> None:
    """Whoever chooses an owner's name, or a code's, writes a cell."""
    shop.pay(shop.buy("=1+1"))
    assert shop.command("sync").exit_code == 0

    by_customer = shop.command("report", "sales", "--by", "customer", "--csv").stdout
    journal = shop.command("report", "journal", "--csv").stdout

    assert "\n'=1+1," in by_customer
    for cell in csv.reader(StringIO(by_customer + journal)):
        assert not any(text.startswith(("=", "+", "@")) for text in cell)


def test_operators_are_told_of_a_reverse_charge_that_no_register_proves(taxed: Shop) -> None:
    bill_to(taxed)
    taxed.press(taxed.keep_card())
    assert "reverse charge" not in taxed.command("doctor").stderr

    with taxed.app.app_context():
        taxed.prepaid.session.execute(update(Customer).values(tax_id_status="unverified"))
        taxed.prepaid.session.commit()

    assert "1 customer pays no tax by reverse charge" in taxed.command("doctor").stderr
