"""What a payment becomes whose credits are given in a review: that of the charge that counts, no other."""

from __future__ import annotations

from typing import Any

import pytest

from flask_prepaid import Operator, Operators, Role
from flask_prepaid.payments.models import PaymentState
from stripe_emulator import Emulator

from ..meddling import Meddling
from ..purchases.test_what_stripe_holds import customer, page
from ..shop import Shop, ShopWith
from .test_several_reviews import pay_wrong, payment, review


@pytest.fixture
def begun(shop: Shop) -> Shop:
    """A customer has begun to buy 100 credits for $5.00."""
    shop.buy()
    return shop


def meddled(shop_with: ShopWith, **settings: Any) -> tuple[Shop, Meddling]:
    """A shop, and its way to Stripe, on which something else can happen there."""
    emulator = Emulator()
    way = Meddling(emulator.http_client())
    return shop_with(emulator=emulator, http_client=way, **settings), way


@pytest.fixture
def by_transfer(shop_with: ShopWith) -> tuple[Shop, Meddling]:
    """An invoice that a bank transfer has paid, as somebody has said in Stripe's dashboard."""
    shop, way = meddled(shop_with, PREPAID_INVOICES=True)
    card = shop.keep_card("user:1", "4000002760003184")  # the bank asks, and nobody answers
    shop.press(card, pack="starter")
    shop.dashboard().v1.invoices.pay(str(payment(shop).invoice_id), {"paid_out_of_band": True})
    shop.stripe.deliver()
    assert payment(shop).state is PaymentState.NEEDS_REVIEW
    return shop, way


def test_what_somebody_has_dealt_with_is_not_given_as_well(begun: Shop) -> None:
    pay_wrong(begun)
    begun.command("review", "1", "--note", "Gave 80 by hand")

    refused = review(begun, "--give")

    assert refused.exit_code == 1
    assert "gives no credits: it was reviewed already (Gave 80 by hand (by " in refused.stderr
    assert (payment(begun).state, begun.balance()) == (PaymentState.NEEDS_REVIEW, 0)


def test_the_discount_and_the_tax_are_those_of_the_page_that_counts(begun: Shop) -> None:
    coupon = begun.dashboard().v1.coupons.create({"percent_off": 50, "duration": "once"})
    begun.pay(page(begun, discounts=[{"coupon": coupon.id}]))

    review(begun, "--give")

    paid = payment(begun)
    assert (paid.amount_minor, paid.discount_minor, paid.paid_minor) == (500, 250, 250)


def test_nothing_of_a_later_page_stays_with_the_one_that_counts(begun: Shop) -> None:
    first, _later = pay_wrong(begun), pay_wrong(begun, 900)

    review(begun, "--give", "--charge", first)

    paid, counted = payment(begun), begun.at_stripe(str(payment(begun).session_id)).intent
    assert counted is not None
    assert (counted.id, counted.charge_id, counted.receipt_url) == (first, paid.charge_id, paid.receipt_url)
    assert (paid.due_minor, paid.paid_minor) == (400, 400)


def test_a_page_that_takes_no_payment_gives_nothing(begun: Shop) -> None:
    begun.pay(page(begun, mode="setup", line_items=[], currency="usd"))

    refused = review(begun, "--give")

    assert "gives no credits: it is no payment at Stripe but a setup. Refund it" in refused.stderr
    assert (payment(begun).state, begun.balance()) == (PaymentState.NEEDS_REVIEW, 0)


def credit(shop: Shop) -> None:
    """Give $2.00 of the invoice back, outside of Stripe."""
    note: Any = {"invoice": payment(shop).invoice_id, "amount": 200, "out_of_band_amount": 200}
    shop.dashboard().v1.credit_notes.create(note)
    shop.stripe.deliver()


def test_what_a_credit_note_gave_back_before_takes_its_credits_when_they_are_given(
    by_transfer: tuple[Shop, Meddling],
) -> None:
    shop, _way = by_transfer
    credit(shop)

    assert review(shop, "--give").exit_code == 0

    assert shop.balance() == 60
    assert shop.command("reconcile").exit_code == 0


@pytest.mark.each_database
def test_a_credit_note_of_the_moment_in_which_credits_are_given_takes_its_own(
    by_transfer: tuple[Shop, Meddling],
) -> None:
    shop, way = by_transfer
    way.after[f"invoice={payment(shop).invoice_id}&limit=100"] = lambda: credit(shop)

    review(shop, "--give")
    assert (way.after, shop.balance()) == ({}, 100)
    shop.tick()

    assert shop.balance() == 60


@pytest.mark.each_database
def test_a_refund_of_the_moment_in_which_credits_are_given_takes_its_own(shop_with: ShopWith) -> None:
    """Its event comes when no credits are given yet, and what was refunded before is known already."""
    shop, way = meddled(shop_with)
    shop.buy()
    intent = pay_wrong(shop)

    def refund() -> None:
        shop.dashboard().v1.refunds.create({"payment_intent": intent, "amount": 100})
        shop.stripe.deliver()

    way.after[f"payment_intent={intent}&limit=100"] = refund

    review(shop, "--give")
    assert (way.after, shop.balance()) == ({}, 100)
    shop.tick()

    assert (shop.balance(), payment(shop).refunded_minor) == (75, 100)
    assert "paid payment" not in shop.command("tick").stderr
    assert shop.command("reconcile").exit_code == 0


def test_a_charge_that_names_what_the_balance_has_paid_takes_nothing_when_it_is_disputed(
    shop_with: ShopWith,
) -> None:
    shop = shop_with(PREPAID_INVOICES=True)
    card = shop.keep_card()
    shop.dashboard().v1.customers.update(customer(shop), {"balance": -500})
    shop.press(card, pack="starter")
    assert (payment(shop).payment_intent_id, shop.balance()) == (None, 100)
    wanted: Any = {
        "amount": 400,
        "currency": "usd",
        "customer": customer(shop),
        "payment_method": card,
        "confirm": True,
        "off_session": True,
        "metadata": {"prepaid_payment": payment(shop).idempotency_key},
    }
    beside = shop.dashboard().v1.payment_intents.create(wanted).id
    shop.stripe.deliver()

    shop.stripe.dispute(beside)
    shop.stripe.deliver()

    assert (payment(shop).payment_intent_id, shop.balance()) == (None, 100)


def test_the_form_of_a_refund_counts_nothing_of_what_is_not_paid(shop_with: ShopWith) -> None:
    operators = Operators(current=lambda: Operator("olga", Role.ADMIN))
    shop = shop_with(operators=operators)
    shop.buy()
    place, browser = "/prepaid/admin/payments/1/refund", shop.browser()

    answer = shop.send_form(browser, "/prepaid/admin/customers/user:1", to=place, count="1", amount="5.00")

    assert answer.status_code == 200
    assert "Nothing of it is left to refund." in answer.text
