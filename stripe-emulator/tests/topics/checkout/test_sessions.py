"""Checkout Sessions: somebody pays on a page."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
import stripe
from werkzeug.test import TestResponse

from stripe_emulator.core.errors import InvalidRequest

from ..shop import Shop, with_sdk_16

FORM = {
    "email": "jenny@example.com",
    "card_number": "4242 4242 4242 4242",
    "card_expiry": "12/34",
    "card_cvc": "123",
    "name": "Jenny Rosen",
}


def submit(shop: Shop, session: stripe.checkout.Session, **typed: str) -> TestResponse:
    return shop.emulator.browser().post(f"/pay/{session.id}", data=FORM | typed)


def test_a_paid_session_is_complete_and_its_events_come_in_order(shop: Shop) -> None:
    session = shop.checkout(client_reference_id="user:1", metadata={"pack": "ten"})

    shop.emulator.pay(session, email="jenny@example.com")

    paid = shop.v1.checkout.sessions.retrieve(session.id)
    assert (paid.status, paid.payment_status, paid.amount_total) == ("complete", "paid", 1000)
    assert (paid.client_reference_id, paid.url, paid.customer) == ("user:1", None, None)
    assert paid.customer_details is not None
    assert paid.customer_details.email == "jenny@example.com"
    assert shop.heard == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.completed",
    ]


def test_a_card_kept_for_later_makes_its_owner_a_customer_first(shop: Shop) -> None:
    session = shop.checkout(payment_intent_data={"setup_future_usage": "off_session"})

    shop.emulator.pay(session)

    assert shop.heard == [
        "payment_intent.created",
        "customer.created",
        "payment_method.attached",
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.completed",
    ]
    paid = shop.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent"]})
    assert isinstance(paid.payment_intent, stripe.PaymentIntent)
    assert paid.payment_intent.customer == paid.customer


def test_what_the_payment_is_to_carry_reaches_it(shop: Shop) -> None:
    data = {"metadata": {"payment": "17"}, "description": "Ten credits"}
    session = shop.checkout(payment_intent_data=data)

    shop.emulator.pay(session)

    paid = shop.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent.latest_charge"]})
    assert isinstance(paid.payment_intent, stripe.PaymentIntent)
    assert isinstance(paid.payment_intent.latest_charge, stripe.Charge)
    assert paid.payment_intent.latest_charge.metadata["payment"] == "17"
    payer = paid.payment_intent.latest_charge.billing_details  # as somebody fills in the page
    assert (payer.name, payer.email) == ("Test Customer", "customer@example.com")
    assert paid.payment_intent.description == "Ten credits"


def test_the_page_works_as_a_plain_form(shop: Shop) -> None:
    session = shop.checkout()
    page = shop.emulator.browser().get(f"/pay/{session.id}")

    paid = submit(shop, session)

    assert "$10.00" in page.text
    assert "Ten credits" in page.text
    assert "https://shop.example/cart" in page.text
    assert (paid.status_code, paid.location) == (303, f"https://shop.example/done?session={session.id}")
    assert page.headers.getlist("Set-Cookie") == []


def test_the_page_says_why_a_card_was_declined_and_the_next_one_pays(shop: Shop) -> None:
    session = shop.checkout()

    refused = submit(shop, session, card_number="4000 0000 0000 0002")
    open_still = shop.v1.checkout.sessions.retrieve(session.id)
    paid = submit(shop, session)

    assert refused.status_code == 402
    assert "Your card was declined." in refused.text
    assert (open_still.status, open_still.payment_status) == ("open", "unpaid")
    assert paid.status_code == 303


@pytest.mark.parametrize(
    "typed",
    [
        {"email": "nobody"},
        {"card_number": "1234 5678"},
        {"card_number": "4242 4242 4242 4241"},
        {"card_expiry": "13/34"},
        {"card_expiry": "12/20"},
        {"card_expiry": "soon"},
        {"card_cvc": "1"},
    ],
)
def test_what_cannot_be_right_is_asked_again_and_nothing_is_charged(
    shop: Shop, typed: dict[str, str]
) -> None:
    session = shop.checkout()

    answer = submit(shop, session, **typed)

    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert shop.listen() == []


@pytest.mark.parametrize(("outcome", "status"), [("complete", "complete"), ("fail", "open")])
def test_the_bank_asks_its_customer(shop: Shop, outcome: str, status: str) -> None:
    session = shop.checkout()
    browser = shop.emulator.browser()

    to_bank = submit(shop, session, card_number="4000002760003184")
    bank = urlsplit(to_bank.location)
    bank_page = browser.get(f"{bank.path}?{bank.query}")
    answered = browser.post(f"{bank.path}?{bank.query}", data={"outcome": outcome})
    back = browser.get(answered.location)

    assert "$10.00" in bank_page.text
    assert shop.v1.checkout.sessions.retrieve(session.id).status == status
    if outcome == "complete":
        assert back.location == f"https://shop.example/done?session={session.id}"
    else:
        assert "unable to authenticate" in back.text


def test_the_banks_page_wants_the_secret(shop: Shop) -> None:
    session = shop.checkout()
    bank = urlsplit(submit(shop, session, card_number="4000002760003184").location)

    assert shop.emulator.browser().get(bank.path).status_code == 404
    assert shop.emulator.browser().post(bank.path, data={"outcome": "complete"}).status_code == 404


def test_a_session_that_nobody_pays_expires_after_a_day(shop: Shop) -> None:
    session = shop.checkout()

    shop.emulator.advance(days=1)

    assert shop.heard == ["checkout.session.expired"]
    assert shop.emulator.browser().get(f"/pay/{session.id}").status_code == 410
    with pytest.raises(InvalidRequest, match="expired"):
        shop.emulator.pay(session)


def test_a_paid_session_is_not_paid_twice(shop: Shop) -> None:
    session = shop.checkout()
    shop.emulator.pay(session)
    shop.listen()

    again = submit(shop, session)

    assert (again.status_code, "already" in again.text.lower()) == (200, True)
    assert shop.listen() == []


def test_what_is_bought_can_change_until_it_is_paid(shop: Shop) -> None:
    session = shop.checkout(ui_mode="elements")
    (line,) = shop.v1.checkout.sessions.line_items.list(session.id).data

    changed = shop.v1.checkout.sessions.update(session.id, {"line_items": [{"id": line.id, "quantity": 7}]})

    assert session.client_secret is not None
    assert (changed.amount_total, session.url) == (3500, None)
    shop.emulator.pay(session)
    assert shop.balance() == (0, 3500 - 132)


def test_a_card_is_saved_on_a_page_of_its_own(shop: Shop) -> None:
    customer = shop.v1.customers.create({"email": "jenny@example.com"})
    session = shop.v1.checkout.sessions.create(
        {
            "mode": "setup",
            "currency": "usd",
            "customer": customer.id,
            "success_url": "https://shop.example/cards",
        }
    )

    shop.emulator.pay(session)

    assert len(shop.v1.payment_methods.list({"customer": customer.id}).data) == 1
    assert shop.heard == [
        "customer.created",
        "setup_intent.created",
        "payment_method.attached",
        "setup_intent.succeeded",
        "checkout.session.completed",
    ]


def test_a_session_that_costs_nothing_is_complete_without_a_payment(shop: Shop) -> None:
    session = shop.checkout(amount=0)

    shop.emulator.pay(session)

    paid = shop.v1.checkout.sessions.retrieve(session.id)
    assert (paid.payment_status, paid.payment_intent) == ("no_payment_required", None)


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"line_items": []}, "line_items"),
        ({"line_items": [{"price": "price_x", "quantity": 1}]}, "line_items[0][price]"),
        ({"customer": "cus_x"}, "customer"),
        ({"success_url": "shop"}, "success_url"),
        ({"expires_at": 1}, "expires_at"),
        ({"return_url": "https://shop.example"}, "return_url"),
        ({"no_such": "1"}, "no_such"),
    ],
)
def test_a_wrong_session_is_refused_by_the_name_of_what_is_wrong(
    shop: Shop, change: dict[str, Any], param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.checkout(**change)

    assert refused.value.param == param
    assert shop.v1.products.list().data == []


@with_sdk_16  # the version that refuses them is endive
def test_old_payment_method_types_are_refused_by_today_and_taken_from_an_older_account(
    shop: Shop,
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.checkout(payment_method_types=["card"])

    pen = {"currency": "usd", "unit_amount": 500, "product_data": {"name": "Pen"}}
    form: Any = {
        "mode": "payment",
        "success_url": "https://shop.example",
        "payment_method_types": ["card"],
        "line_items": [{"quantity": 1, "price_data": pen}],
    }
    older = shop.v1.checkout.sessions.create(form, {"stripe_version": "2024-06-20"})
    assert refused.value.code == "payment_method_types_no_longer_supported"
    assert older.payment_method_types == ["card"]


def test_a_session_is_complete_when_its_money_waits_to_be_captured(shop: Shop) -> None:
    session = shop.checkout(payment_intent_data={"capture_method": "manual"})

    shop.emulator.pay(session)
    waiting = shop.v1.checkout.sessions.retrieve(session.id)
    assert isinstance(waiting.payment_intent, str)
    heard = shop.listen()
    shop.v1.payment_intents.capture(waiting.payment_intent)
    captured = shop.v1.checkout.sessions.retrieve(session.id)

    assert (waiting.status, waiting.payment_status, captured.payment_status) == ("complete", "unpaid", "paid")
    assert heard[-2:] == ["payment_intent.amount_capturable_updated", "checkout.session.completed"]
    assert shop.listen() == ["charge.captured", "payment_intent.succeeded"]


def test_the_name_on_the_card_becomes_the_customers_where_the_shop_wants_it(shop: Shop) -> None:
    customer = shop.v1.customers.create({"email": "jenny@example.com"})

    shop.emulator.pay(shop.checkout(customer=customer.id), name="Jenny Rosen")
    kept = shop.v1.customers.retrieve(customer.id).name
    shop.emulator.pay(shop.checkout(customer=customer.id, customer_update={"name": "auto"}), name="J. Rosen")

    assert (kept, shop.v1.customers.retrieve(customer.id).name) == (None, "J. Rosen")
    with pytest.raises(stripe.InvalidRequestError, match="customer_update"):
        shop.checkout(customer_update={"name": "auto"})
