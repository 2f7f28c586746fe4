"""Somebody who sells with Stripe: the official SDK, and a Flask app that hears of events."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

import pytest
import stripe
from flask import Flask, request

from stripe_emulator import Emulator
from stripe_emulator.core.database import store
from stripe_emulator.payments.confirming import challenge_answers

DAY = 24 * 60 * 60
SECRET = "whsec_of_the_shop"
#: Nothing that could lead the customer away, and so no ``return_url``.
CARDS_ONLY: Any = {"enabled": True, "allow_redirects": "never"}
CHALLENGED = "pm_card_threeDSecure2Required"

#: The major of the SDK that is installed, and a mark for what its version 15 cannot say.
SDK = int(stripe.VERSION.split(".")[0])
with_sdk_16 = pytest.mark.skipif(SDK < 16, reason="version 15 of Stripe's SDK lacks it")


def narrowed_to(*kinds: str) -> Any:
    """The form that narrows a Checkout page's methods: what SDK 15 speaks has another name for it."""
    return {"allowed_payment_method_types" if SDK >= 16 else "payment_method_types": [*kinds]}


def moment(text: str) -> int:
    """Unix time of a day or a moment in UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def day(unix: int) -> str:
    return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%d")


def envelope(error: stripe.StripeError) -> dict[str, Any]:
    """What Stripe answered, from the SDK's error."""
    body: Any = error.json_body
    opened: dict[str, Any] = body["error"]
    return opened


class Shop:
    """One shop on the emulator. ``heard`` are the types of the events that reached it, in order.

    :param hears: It has a webhook endpoint.
    """

    def __init__(self, emulator: Emulator, *, hears: bool = True) -> None:
        self.emulator = emulator
        self.client = stripe.StripeClient(
            "sk_test_shop", http_client=emulator.http_client(), max_network_retries=2
        )
        self.v1 = self.client.v1
        self.heard: list[str] = []
        self.heard_events: list[stripe.Event] = []
        #: What the endpoint answers; a test may have it fail.
        self.answers = 200
        if hears:
            emulator.connect(self._app(), "/webhook", SECRET)

    @classmethod
    def at(cls, start: str) -> Shop:
        """A shop without an endpoint on an account of its own, whose clock stands at a known moment."""
        return cls(Emulator(now=moment(start)), hears=False)

    def _app(self) -> Flask:
        app = Flask("shop")

        @app.post("/webhook")
        def webhook() -> tuple[str, int]:
            event = stripe.Webhook.construct_event(
                request.get_data(), request.headers["Stripe-Signature"], SECRET
            )
            self.heard.append(event.type)
            self.heard_events.append(event)
            return "", self.answers

        return app

    # What it sells.

    def price(self, amount: int = 1000, name: str = "Gold", **more: Any) -> str:
        product = self.v1.products.create({"name": name})
        form = {"currency": "usd", "unit_amount": amount, "product": product.id, **more}
        form.setdefault("recurring", {"interval": "month"})
        if form["recurring"] is None:
            del form["recurring"]
        return self.v1.prices.create(cast(Any, form)).id

    def checkout(self, amount: int = 500, quantity: int = 2, **more: Any) -> stripe.checkout.Session:
        """Open a page that sells credits."""
        line = {
            "quantity": quantity,
            "price_data": {
                "currency": "usd",
                "unit_amount": amount,
                "product_data": {"name": "Ten credits"},
            },
        }
        pages: dict[str, Any] = {
            "success_url": "https://shop.example/done?session={CHECKOUT_SESSION_ID}",
            "cancel_url": "https://shop.example/cart",
        }
        if more.get("ui_mode", "hosted_page") != "hosted_page":
            pages = {"return_url": "https://shop.example/done?session={CHECKOUT_SESSION_ID}"}
        form: Any = {"mode": "payment", "line_items": [line], **pages, **more}
        return self.v1.checkout.sessions.create(form)

    # Who buys, and with which card.

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

    def charge(self, method: str = "pm_card_visa", amount: int = 2000, **more: Any) -> stripe.PaymentIntent:
        """Take money from a card at once."""
        form: Any = {"amount": amount, "currency": "usd", "payment_method": method, "confirm": True, **more}
        if not form.keys() & {
            "automatic_payment_methods",
            "off_session",
            "payment_method_types",
            "return_url",
        }:
            form["automatic_payment_methods"] = CARDS_ONLY
        return self.v1.payment_intents.create(form)

    def declined(self, method: str, **more: Any) -> tuple[stripe.CardError, dict[str, Any]]:
        """Take money from a card that is refused; the SDK's error, and Stripe's envelope in it."""
        with pytest.raises(stripe.CardError) as refused:
            self.charge(method, **more)
        return refused.value, envelope(refused.value)

    def pass_challenge(self, intent: stripe.PaymentIntent) -> None:
        """The customer answers the bank on its page."""
        with self.emulator.store.transaction():
            challenge_answers.answer(store.get("payment_intent", intent.id), passed=True)

    def balance(self) -> tuple[int, int]:
        """Dollars' cents that are available, and that are pending."""
        balance = self.v1.balance.retrieve()
        return balance.available[-1].amount, balance.pending[-1].amount

    # Its plans.

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

    # What happened.

    def forget(self, kind: str, key: str) -> None:
        """Have every object of a kind be as an earlier commit wrote it, which did not know this key."""
        with self.emulator.store.connection() as connection:
            connection.execute(
                f"UPDATE object SET body = json_remove(body, '$.{key}') WHERE kind = ?", (kind,)
            )

    def listen(self) -> list[str]:
        """What is heard once everything due has been delivered; then the ears are empty again."""
        self.emulator.deliver()
        heard, self.heard = self.heard, []
        return heard

    def events(self) -> list[str]:
        """Types of the account's events so far, oldest first, also of those that Stripe no longer tells."""
        with self.emulator.store.transaction(write=False):
            return [str(event["type"]) for event in store.select("event")]

    def events_since(self, count: int) -> list[str]:
        return self.events()[count:]

    def advance(self, **time: int) -> None:
        self.emulator.advance(**time)
