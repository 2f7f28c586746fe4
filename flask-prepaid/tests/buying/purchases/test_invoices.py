"""Invoices of what is bought once: Stripe makes them, and we lead to them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from flask_prepaid import Operators
from flask_prepaid.web.operator.roles import Operator, Role
from prepaid_ledger.errors import NothingToReverse

from ..shop import Shop, ShopWith
from .test_cards import leave_card, press
from .test_fraud_warnings import WARNS


@pytest.fixture
def billing(shop_with: ShopWith) -> Shop:
    return shop_with(PREPAID_INVOICES=True)


def test_a_purchase_leads_to_its_invoice_as_a_pdf(billing: Shop) -> None:
    session = billing.buy()
    billing.pay(session)
    assert 'href="/prepaid/invoice/1"' in billing.come_back(session).text

    led = billing.browser().get("/prepaid/invoice/1")

    assert led.status_code == 302
    pdf = billing.stripe.browser().get(led.location.removeprefix("http://127.0.0.1:12111"))
    assert pdf.content_type == "application/pdf"
    assert pdf.data.startswith(b"%PDF-")


def test_the_money_of_an_invoiced_purchase_is_counted_once(billing: Shop) -> None:
    billing.pay(billing.buy())
    for type in ("invoice.paid", "invoice.finalized", "checkout.session.completed"):
        billing.stripe.deliver(type, times=2)

    assert billing.balance() == 100
    assert {event.outcome for event in billing.inbox() if event.type.startswith("invoice.")} <= {
        "done",
        "ignored: nothing here hears this type",
    }
    assert billing.command("reconcile").exit_code == 0


def test_an_invoice_that_stripe_makes_after_the_payment_is_known_by_its_event(billing: Shop) -> None:
    billing.pay(billing.buy())
    billing.change_payments(invoice_id=None)  # as if the session had been fetched before there was one
    assert billing.browser().get("/prepaid/invoice/1").status_code == 404

    event_id = next(event.id for event in billing.inbox() if event.type == "invoice.paid")
    assert billing.command("replay", event_id).exit_code == 0

    assert billing.browser().get("/prepaid/invoice/1").status_code == 302


@pytest.mark.parametrize("path", ["/prepaid/invoice/1", "/prepaid/invoice/2", "/prepaid/invoice/x"])
def test_the_invoice_of_somebody_else_does_not_exist(billing: Shop, path: str) -> None:
    billing.pay(billing.buy())

    assert billing.browser("user:2").get(path).status_code == 404


def test_without_the_setting_there_is_none_and_a_charged_card_has_its_receipt(shop: Shop) -> None:
    shop.pay(shop.buy())
    press(shop, leave_card(shop))

    assert [payment.invoice_id for payment in shop.payments()] == [None, None]
    assert all(payment.receipt_url for payment in shop.payments())
    assert {shop.browser().get(f"/prepaid/invoice/{number}").status_code for number in (1, 2)} == {404}


def invoice_of(shop: Shop) -> str:
    return shop.dashboard().v1.invoices.list().data[0].id


def credit(shop: Shop, amount: int, **way: int) -> str:
    """A credit note of the purchase's invoice, in Stripe's dashboard."""
    params: Any = {"invoice": invoice_of(shop), "amount": amount, **way}
    return shop.dashboard().v1.credit_notes.create(params).id


@pytest.mark.parametrize("is_known", [True, False])
def test_a_credit_note_of_a_purchase_takes_its_credits(billing: Shop, is_known: bool) -> None:
    billing.pay(billing.buy())
    if not is_known:  # as if the note had come before the invoice's own event
        billing.change_payments(invoice_id=None)

    credit(billing, 250, credit_amount=250)
    billing.stripe.deliver()

    assert billing.balance() == 50
    assert billing.payments()[0].invoice_id == invoice_of(billing)
    assert billing.command("reconcile").exit_code == 0


def test_a_credit_note_that_refunds_a_purchase_takes_them_once(billing: Shop) -> None:
    billing.pay(billing.buy())

    credit(billing, 250, refund_amount=150, credit_amount=100)
    billing.stripe.deliver()

    assert billing.balance() == 50
    assert billing.payments()[0].refunded_minor == 150


def test_what_is_left_is_less_by_what_credit_notes_have_given_back(billing: Shop) -> None:
    billing.pay(billing.buy())
    credit(billing, 200, credit_amount=200)
    billing.stripe.deliver()

    billing.read(lambda: billing.prepaid.refund(1, reason="all that is left"))

    assert billing.payments()[0].refunded_minor == 300
    with pytest.raises(NothingToReverse, match=r"Credit notes have given back all that is left .* \$2\.00"):
        billing.read(lambda: billing.prepaid.refund(1, reason="all that is left"))
    billing.read(lambda: billing.prepaid.refund(1, amount_minor=200, reason="it was twice, knowingly"))
    assert billing.payments()[0].refunded_minor == 500
    assert billing.balance() == 0


def test_a_fraud_warning_is_answered_by_all_that_the_bank_could_dispute(shop_with: ShopWith) -> None:
    shop = shop_with(PREPAID_INVOICES=True, PREPAID_REFUND_FRAUD_WARNINGS=True)
    shop.stripe.pay(shop.buy(), card=WARNS)
    credit(shop, 200, credit_amount=200)
    shop.stripe.deliver()

    shop.tick()

    assert shop.payments()[0].refunded_minor == 500


def test_an_operator_is_warned_of_what_a_credit_note_has_given_back(shop_with: ShopWith) -> None:
    operators = Operators(current=lambda: Operator("finance", Role.FINANCE))
    shop = shop_with(PREPAID_INVOICES=True, operators=operators)
    shop.pay(shop.buy())

    credit(shop, 200, credit_amount=200)
    shop.stripe.deliver()

    form = shop.browser().get("/prepaid/admin/payments/1/refund").text
    assert "Credit notes have given $2.00 of it back already" in form
    assert 'required value="3.00"' in form


@pytest.mark.parametrize("is_known", [True, False])
def test_a_credit_note_that_nobody_told_of_is_found_by_reconcile(shop_with: ShopWith, is_known: bool) -> None:
    deaf = shop_with(PREPAID_INVOICES=True, webhooks=False)
    session = deaf.buy()
    deaf.pay(session)
    deaf.come_back(session)
    if not is_known:
        deaf.change_payments(invoice_id=None)
    note = credit(deaf, 250, credit_amount=250)

    (drift,) = json.loads(deaf.command("reconcile", "--json").stdout)["drift"]
    assert (drift["kind"], drift["id"]) == ("drifted", note)
    assert deaf.balance() == 100

    assert deaf.command("reconcile", "--fix").exit_code == 0
    assert deaf.balance() == 50
