"""What the tests of billing share: an account whose clock stands at a known moment, and its prices."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

import stripe

from stripe_emulator import Emulator
from stripe_emulator.core import store
from stripe_emulator.payments import challenge_answers

DAY = 24 * 60 * 60


def moment(text: str) -> int:
    """Unix time of a day or a moment in UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def day(unix: int) -> str:
    return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%d")


class Shop:
    """An account on the emulator, seen through the official SDK."""

    def __init__(self, start: str = "2026-01-31T12:00:00") -> None:
        self.emulator = Emulator(now=moment(start))
        client = stripe.StripeClient("sk_test_emulator", http_client=self.emulator.http_client())
        self.v1 = client.v1
        self.client = client

    def price(self, amount: int = 1000, name: str = "Gold", **more: Any) -> str:
        product = self.v1.products.create({"name": name})
        form = {"currency": "usd", "unit_amount": amount, "product": product.id, **more}
        form.setdefault("recurring", {"interval": "month"})
        if form["recurring"] is None:
            del form["recurring"]
        return self.v1.prices.create(cast(Any, form)).id

    def customer(self, card: str | None = "pm_card_visa", **more: Any) -> str:
        form = {"email": "jo@example.com", **more}
        customer = self.v1.customers.create(cast(Any, form))
        if card is not None:
            self.give_card(customer.id, card)
        return customer.id

    def give_card(self, customer: str, card: str = "pm_card_visa") -> str:
        """Attach a card and make it the default for invoices."""
        method = self.v1.payment_methods.attach(card, {"customer": customer})
        settings = {"invoice_settings": {"default_payment_method": method.id}}
        self.v1.customers.update(customer, cast(Any, settings))
        return method.id

    def subscribe(self, customer: str, price: str, **more: Any) -> stripe.Subscription:
        form = {"customer": customer, "items": [{"price": price}], **more}
        return self.v1.subscriptions.create(cast(Any, form))

    def update(self, subscription: str, **form: Any) -> stripe.Subscription:
        return self.v1.subscriptions.update(subscription, cast(Any, form))

    def subscription(self, name: str) -> stripe.Subscription:
        return self.v1.subscriptions.retrieve(name)

    def invoices(self, customer: str) -> list[stripe.Invoice]:
        """The customer's invoices, oldest first."""
        return self.v1.invoices.list({"customer": customer, "limit": 100}).data[::-1]

    def latest(self, customer: str) -> stripe.Invoice:
        return self.invoices(customer)[-1]

    def events(self) -> list[str]:
        """Types of the events so far, oldest first."""
        found = self.v1.events.list({"limit": 100})
        return [str(event.type) for event in found.auto_paging_iter()][::-1]

    def events_since(self, count: int) -> list[str]:
        return self.events()[count:]

    def advance(self, **time: int) -> None:
        self.emulator.advance(**time)

    def pass_challenge(self, intent: stripe.PaymentIntent) -> None:
        """The customer answers the bank on its page."""
        with self.emulator.store.transaction():
            challenge_answers.answer(store.get("payment_intent", intent.id), passed=True)
