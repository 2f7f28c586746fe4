"""Somebody who sells with Stripe: the official SDK, and a Flask app that hears of events."""

from __future__ import annotations

from typing import Any

import pytest
import stripe
from flask import Flask, request

from stripe_emulator import Emulator

SECRET = "whsec_of_the_shop"
CHALLENGED = "pm_card_threeDSecure2Required"


class Shop:
    """One shop. ``heard`` are the types of the events that reached it, in order."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.stripe = stripe.StripeClient(
            "sk_test_shop", http_client=emulator.http_client(), max_network_retries=2
        )
        self.heard: list[str] = []
        self.events: list[stripe.Event] = []
        #: What the endpoint answers; a test may have it fail.
        self.answers = 200
        emulator.connect(self._app(), "/webhook", SECRET)

    def _app(self) -> Flask:
        app = Flask("shop")

        @app.post("/webhook")
        def webhook() -> tuple[str, int]:
            event = stripe.Webhook.construct_event(
                request.get_data(), request.headers["Stripe-Signature"], SECRET
            )
            self.heard.append(event.type)
            self.events.append(event)
            return "", self.answers

        return app

    def charge(self, method: str = "pm_card_visa", amount: int = 2000, **more: Any) -> stripe.PaymentIntent:
        """Take money from a card at once."""
        form: Any = {"amount": amount, "currency": "usd", "payment_method": method, "confirm": True, **more}
        return self.stripe.v1.payment_intents.create(form)

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
        return self.stripe.v1.checkout.sessions.create(form)

    def declined(self, method: str, **more: Any) -> tuple[stripe.CardError, dict[str, Any]]:
        """Take money from a card that is refused; the SDK's error, and what Stripe said in it."""
        with pytest.raises(stripe.CardError) as refused:
            self.charge(method, **more)
        return refused.value, said(refused.value)

    def listen(self) -> list[str]:
        """What is heard once everything due has been delivered; then the ears are empty again."""
        self.emulator.deliver()
        heard, self.heard = self.heard, []
        return heard

    def balance(self) -> tuple[int, int]:
        """Dollars' cents that are available, and that are pending."""
        balance = self.stripe.v1.balance.retrieve()
        return balance.available[-1].amount, balance.pending[-1].amount


def said(error: stripe.StripeError) -> dict[str, Any]:
    """The envelope that an SDK error came with, opened."""
    body: Any = error.json_body
    opened: dict[str, Any] = body["error"]
    return opened
