"""Stripe Tax on whatever is billed, and the company that pays the tax itself."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from ..shop import Shop

BERLIN: Any = {"line1": "Hauptstr. 1", "city": "Berlin", "postal_code": "10115", "country": "DE"}
ON: Any = {"automatic_tax": {"enabled": True}}


@pytest.fixture
def taxed(shop: Shop) -> Shop:
    """A seller who collects German tax."""
    shop.v1.tax_rates.create({"display_name": "VAT", "percentage": 19, "inclusive": False, "country": "DE"})
    return shop


def bill(shop: Shop, customer: str, amount: int = 1000) -> stripe.Invoice:
    """An invoice that somebody makes, charged to the card on file."""
    params: Any = {"customer": customer, "currency": "usd", **ON}
    invoice = shop.v1.invoices.create(params)
    shop.v1.invoice_items.create({"customer": customer, "invoice": invoice.id, "amount": amount})
    shop.v1.invoices.finalize_invoice(invoice.id)
    return shop.v1.invoices.pay(invoice.id)


def test_a_consumer_pays_the_tax_of_their_country_and_a_company_with_a_vat_number_does_not(
    taxed: Shop,
) -> None:
    consumer = taxed.customer(address=BERLIN)
    company = taxed.customer(address=BERLIN, name="Ada GmbH")
    taxed.v1.customers.tax_ids.create(company, {"type": "eu_vat", "value": "DE123456789"})

    with_tax, without = bill(taxed, consumer), bill(taxed, company)
    plan = taxed.subscribe(company, taxed.price(), **ON)
    of_plan = taxed.v1.invoices.retrieve(str(plan.latest_invoice))

    assert (with_tax.total, with_tax.amount_paid) == (1190, 1190)
    for free in (without, of_plan):
        assert free.total == free.subtotal
        (tax,) = free.total_taxes or []
        assert (tax.amount, tax.taxability_reason) == (0, "reverse_charge")
        assert [tax_id.value for tax_id in free.customer_tax_ids or []] == ["DE123456789"]
        page = taxed.emulator.browser().get(f"/invoice/{free.id}").text
        assert "Tax to be paid on reverse charge basis" in page
        assert "DE123456789" in page
    assert "reverse charge" not in taxed.emulator.browser().get(f"/invoice/{with_tax.id}").text
    supported = taxed.v1.customers.retrieve(company, {"expand": ["tax"]}).tax
    assert supported is not None
    assert supported.automatic_tax == "supported"


def test_checkout_asks_where_the_payer_is_and_bills_for_it(taxed: Shop) -> None:
    asks: Any = {
        "customer_update": {"address": "auto", "name": "auto"},
        "tax_id_collection": {"enabled": True},
    }
    company, consumer = taxed.customer(), taxed.customer()

    def buy(customer: str, **payer: Any) -> tuple[int, stripe.Invoice]:
        session = taxed.checkout(customer=customer, invoice_creation={"enabled": True}, **ON, **asks)
        paid = taxed.emulator.pay(session, address=BERLIN, **payer)
        return paid["amount_total"], taxed.v1.invoices.retrieve(paid["invoice"])

    total, invoice = buy(consumer)
    free, reversed_ = buy(
        company, tax_id={"type": "eu_vat", "value": "DE123456789"}, business_name="Ada GmbH"
    )

    assert (total, invoice.total) == (1190, 1190)
    assert (free, reversed_.total, reversed_.customer_name) == (1000, 1000, "Ada GmbH")
    assert [tax.taxability_reason for tax in reversed_.total_taxes or []] == ["reverse_charge"]


def test_nobody_is_billed_whose_country_is_not_known(taxed: Shop) -> None:
    customer = taxed.customer()

    with pytest.raises(stripe.InvalidRequestError) as unbilled:
        bill(taxed, customer)
    with pytest.raises(stripe.InvalidRequestError) as unsubscribed:
        taxed.subscribe(customer, taxed.price(), **ON)

    assert {unbilled.value.code, unsubscribed.value.code} == {"customer_tax_location_invalid"}
    (draft,) = taxed.v1.invoices.list().data
    assert draft.automatic_tax.status == "requires_location_inputs"
