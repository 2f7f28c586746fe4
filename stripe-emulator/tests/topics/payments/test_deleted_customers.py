"""What is left to do with the things of a customer who was deleted: no verb is a fault of the emulator."""

from __future__ import annotations

import json
from typing import Any

import pytest
import stripe

from ..shop import DAY, Shop, envelope


class Left:
    """A customer's things, made while the customer was there."""

    def __init__(self, shop: Shop) -> None:
        self.shop, self.v1 = shop, shop.v1
        self.customer = shop.customer()
        self.price = shop.price()

    def invoice(self, **more: Any) -> str:
        """A draft of five dollars."""
        form: Any = {"customer": self.customer, "auto_advance": False, **more}
        invoice = self.v1.invoices.create(form)
        line: Any = {"customer": self.customer, "invoice": invoice.id, "amount": 500, "currency": "usd"}
        self.v1.invoice_items.create(line)
        return str(invoice.id)

    def issued(self, **more: Any) -> str:
        return str(self.v1.invoices.finalize_invoice(self.invoice(**more)).id)

    def quote(self) -> str:
        line: Any = {"price": self.price, "quantity": 1}
        return self.v1.quotes.create({"customer": self.customer, "line_items": [line]}).id

    def payment(self, **more: Any) -> str:
        card = self.shop.give_card(self.customer, more.pop("card", "pm_card_visa"))
        return self.shop.charge(card, customer=self.customer, **more).id

    def gone(self) -> None:
        self.v1.customers.delete(self.customer)

    def post(self, path: str, **form: Any) -> tuple[int, Any]:
        reply = self.shop.emulator.browser().post(
            f"/v1/{path}", data=form, headers={"Authorization": "Bearer sk_test_x"}
        )
        answer = json.loads(reply.text)
        return reply.status_code, answer.get("error", answer)


@pytest.fixture
def left(shop: Shop) -> Left:
    return Left(shop)


def test_what_needs_the_customer_is_refused_by_its_name(left: Left) -> None:
    draft, other, paid = left.invoice(), left.invoice(), left.issued()
    left.v1.invoices.pay(paid)
    quote, offered = left.quote(), left.quote()
    left.v1.quotes.finalize_quote(offered)
    left.gone()

    calls: list[tuple[str, dict[str, Any]]] = [
        (f"invoices/{draft}/finalize", {}),
        (f"invoices/{draft}/pay", {}),
        (f"invoices/{other}/add_lines", {"lines[0][amount]": 5, "lines[0][description]": "x"}),
        ("credit_notes", {"invoice": paid, "amount": 100, "credit_amount": 100}),
        (f"quotes/{quote}/finalize", {}),
        (f"quotes/{offered}/accept", {}),
        ("setup_intents", {"customer": left.customer}),
        ("billing_portal/sessions", {"customer": left.customer}),
    ]
    for path, form in calls:
        status, error = left.post(path, **form)
        assert (path, status, error["code"]) == (path, 400, "resource_missing")
        assert error["message"] == f"No such customer: '{left.customer}'"
    assert left.v1.invoices.retrieve(draft).status == "draft"
    assert left.v1.quotes.retrieve(offered).status == "open"


def test_what_ends_a_thing_or_gives_money_back_is_done(left: Left) -> None:
    voided, outside, unpaid = (left.issued() for _ in range(3))
    draft, quote, done = left.invoice(), left.quote(), left.payment()
    held, stopped = (left.payment(capture_method="manual") for _ in range(2))
    left.payment(card="pm_card_createDispute")
    [dispute] = left.v1.disputes.list().data
    session = left.shop.checkout(customer=left.customer)
    left.gone()

    for path, form, state in [
        (f"invoices/{voided}/void", {}, "void"),
        (f"invoices/{outside}/pay", {"paid_out_of_band": "true"}, "paid"),
        (f"invoices/{unpaid}/mark_uncollectible", {}, "uncollectible"),
        (f"quotes/{quote}/cancel", {}, "canceled"),
        (f"payment_intents/{held}/capture", {}, "succeeded"),
        (f"payment_intents/{stopped}/cancel", {}, "canceled"),
        ("refunds", {"payment_intent": done}, "succeeded"),
        (f"disputes/{dispute.id}", {"evidence[uncategorized_text]": "winning_evidence"}, "won"),
        (f"checkout/sessions/{session.id}/expire", {}, "expired"),
    ]:
        status, answer = left.post(path, **form)
        assert (path, status, answer.get("status")) == (path, 200, state)
    left.v1.invoices.delete(draft)
    left.shop.advance(days=90)


def test_an_invoice_that_used_the_balance_can_be_taken_back(left: Left) -> None:
    left.v1.customers.balance_transactions.create(left.customer, {"amount": -200, "currency": "usd"})
    invoice = left.issued()
    left.gone()

    assert left.v1.invoices.void_invoice(invoice).status == "void"


def test_a_draft_that_falls_due_says_why_it_stays_one(left: Left) -> None:
    draft = left.invoice(auto_advance=True)
    left.gone()

    left.shop.advance(days=1)

    invoice = left.v1.invoices.retrieve(draft)
    assert invoice.status == "draft"
    assert invoice.last_finalization_error is not None
    assert invoice.last_finalization_error.message == f"No such customer: '{left.customer}'"


def test_an_open_page_of_a_plan_takes_no_money(left: Left) -> None:
    line = {"price": left.price, "quantity": 1}
    session = left.shop.checkout(mode="subscription", customer=left.customer, line_items=[line])
    left.gone()

    with pytest.raises(stripe.InvalidRequestError) as refused:
        left.v1.subscriptions.create({"customer": left.customer, "items": [{"price": left.price}]})
    assert envelope(refused.value)["param"] == "customer"
    card = {"card_number": "4242424242424242", "card_expiry": "12/34", "card_cvc": "123", "name": "Jo"}
    page = left.shop.emulator.browser().post(f"/pay/{session.id}", data={**card, "email": "jo@example.com"})

    assert page.status_code == 422
    assert left.v1.checkout.sessions.retrieve(session.id).status == "open"
    assert left.v1.charges.list().data == []


def test_a_schedule_that_has_not_begun_is_canceled_with_its_customer(left: Left) -> None:
    soon = left.shop.emulator.now() + 5 * DAY
    phases: Any = [{"items": [{"price": left.price}]}]
    made = left.v1.subscription_schedules.create(
        {"customer": left.customer, "start_date": soon, "phases": phases}
    )
    left.gone()

    left.shop.advance(days=40)

    assert left.v1.subscription_schedules.retrieve(made.id).status == "canceled"
    assert left.shop.events().count("subscription_schedule.canceled") == 1
    assert left.v1.subscriptions.list({"status": "all"}).data == []
