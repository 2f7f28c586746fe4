"""``invoice_creation``: Checkout makes an invoice of what was sold once."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from ..shop import Shop, envelope

INVOICED = [
    "invoice.created",
    "invoice.finalized",
    "invoice.sent",
    "invoice.paid",
    "invoice.payment_succeeded",
]


def invoiced(shop: Shop, session: stripe.checkout.Session | dict[str, Any]) -> stripe.Invoice:
    """The invoice of a session, as it is now."""
    known = shop.v1.checkout.sessions.retrieve(session["id"])
    assert isinstance(known.invoice, str)
    return shop.v1.invoices.retrieve(known.invoice, {"expand": ["payments"]})


def test_a_payment_gets_a_paid_invoice_that_follows_it(shop: Shop) -> None:
    session = shop.checkout(invoice_creation={"enabled": True})

    shop.emulator.pay(session, email="jenny@example.com")

    assert shop.listen() == [
        "payment_intent.created",
        "customer.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.completed",
        *INVOICED,
    ]
    completed = shop.heard_events[4].data.object
    invoice = invoiced(shop, session)
    assert completed.invoice == invoice.id
    assert (invoice.status, invoice.amount_paid, invoice.amount_remaining) == ("paid", 1000, 0)
    assert invoice.payments is not None
    (payment,) = invoice.payments.data
    assert (payment.status, payment.payment.payment_intent) == ("paid", completed.payment_intent)
    assert invoice.customer == completed.customer
    assert [(line.description, line.quantity, line.amount) for line in invoice.lines.data] == [
        ("Ten credits", 2, 1000)
    ]


def test_the_event_of_its_payment_comes_a_little_later_and_once(shop: Shop) -> None:
    shop.emulator.pay(shop.checkout(invoice_creation={"enabled": True}))
    shop.listen()

    shop.emulator.advance(seconds=30)

    assert shop.listen() == ["charge.updated", "invoice_payment.paid"]


def test_it_has_a_page_and_a_pdf_with_what_the_shop_wrote(shop: Shop) -> None:
    words = {
        "description": "For the autumn fair",
        "footer": "Thank you for buying here.",
        "custom_fields": [{"name": "Order", "value": "PO-17"}],
        "metadata": {"payment": "17"},
    }
    session = shop.checkout(invoice_creation={"enabled": True, "invoice_data": words})
    shop.emulator.pay(session, email="jenny@example.com")

    invoice = invoiced(shop, session)
    assert invoice.hosted_invoice_url is not None
    assert invoice.invoice_pdf is not None
    browser = shop.emulator.browser()
    page = browser.get(invoice.hosted_invoice_url).text
    pdf = browser.get(invoice.invoice_pdf).data.decode("cp1252", "replace")

    assert invoice.metadata is not None
    assert invoice.metadata["payment"] == "17"
    for text in ("For the autumn fair", "Thank you for buying here.", "PO-17", "$10.00", "Ten credits"):
        assert text in page, text
        assert text in pdf, text
    assert "has been paid" in page


def test_coupon_and_tax_are_those_that_were_paid(shop: Shop) -> None:
    coupon = shop.v1.coupons.create({"percent_off": 25})
    vat = shop.v1.tax_rates.create({"display_name": "VAT", "percentage": 19, "inclusive": False})
    price = shop.v1.prices.create({"currency": "usd", "unit_amount": 333, "product_data": {"name": "Pen"}})
    session = shop.checkout(
        line_items=[{"price": price.id, "quantity": 7, "tax_rates": [vat.id]}],
        discounts=[{"coupon": coupon.id}],
        invoice_creation={"enabled": True},
    )

    paid = shop.emulator.pay(session)

    invoice = invoiced(shop, session)
    assert invoice.total == paid["amount_total"] == 2080  # 2331 - 583 + 332
    assert [part.amount for part in invoice.total_discount_amounts or []] == [583]
    assert [part.amount for part in invoice.total_taxes or []] == [332]


def test_credit_on_the_customers_balance_stays_there(shop: Shop) -> None:
    customer = shop.v1.customers.create({"balance": -300, "email": "jenny@example.com"})
    session = shop.checkout(customer=customer.id, invoice_creation={"enabled": True})

    shop.emulator.pay(session)

    invoice = invoiced(shop, session)
    assert (invoice.amount_paid, invoice.starting_balance, invoice.ending_balance) == (1000, -300, -300)
    assert shop.v1.customers.retrieve(customer.id).balance == -300


def test_what_a_code_makes_free_is_invoiced_as_nothing(shop: Shop) -> None:
    coupon = shop.v1.coupons.create({"percent_off": 100})
    session = shop.checkout(discounts=[{"coupon": coupon.id}], invoice_creation={"enabled": True})

    shop.emulator.pay(session)

    invoice = invoiced(shop, session)
    assert (invoice.status, invoice.total, invoice.amount_paid) == ("paid", 0, 0)
    assert shop.listen()[-6:] == ["checkout.session.completed", *INVOICED]


def test_a_bank_debit_is_invoiced_when_its_money_has_come(shop: Shop) -> None:
    session = shop.checkout(
        line_items=[
            {
                "quantity": 1,
                "price_data": {
                    "currency": "eur",
                    "unit_amount": 900,
                    "product_data": {"name": "Pen"},
                },
            }
        ],
        invoice_creation={"enabled": True},
    )
    shop.emulator.pay(session, iban="DE08370400440532013003")
    waiting = shop.v1.checkout.sessions.retrieve(session.id)
    before = shop.listen()
    shop.emulator.advance(seconds=180)

    heard = shop.listen()
    assert (waiting.payment_status, waiting.invoice) == ("unpaid", None)
    assert not set(before) & set(INVOICED)
    paid_at = heard.index("checkout.session.async_payment_succeeded")
    assert heard[paid_at + 1 : paid_at + 6] == INVOICED
    assert invoiced(shop, session).amount_paid == 900


def test_a_declined_card_leaves_no_invoice(shop: Shop) -> None:
    session = shop.checkout(invoice_creation={"enabled": True})

    shop.emulator.decline(session, "4000000000000002")

    assert shop.v1.invoices.list().data == []


def test_nobody_is_asked_about_invoices_where_stripe_makes_none_or_makes_them_anyway(shop: Shop) -> None:
    assert shop.checkout().invoice_creation is not None
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.checkout(mode="setup", currency="usd", line_items=None, invoice_creation={"enabled": True})

    assert refused.value.param == "invoice_creation"


def test_another_accounts_name_on_it_is_not_emulated(shop: Shop) -> None:
    data = {"issuer": {"type": "account", "account": "acct_1"}}
    with pytest.raises(stripe.APIError) as refused:
        shop.checkout(invoice_creation={"enabled": True, "invoice_data": data})

    assert refused.value.http_status == 501
    assert envelope(refused.value)["param"] == "invoice_creation[invoice_data][issuer]"
