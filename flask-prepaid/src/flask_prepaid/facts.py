"""What Stripe said, as plain frozen values. ``gateway`` makes them; everyone else reads them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Intent:
    """A PaymentIntent with its latest charge. Amounts in the smallest unit of ``currency``."""

    id: str
    status: str
    amount_minor: int
    received_minor: int
    currency: str
    payment_key: str | None
    client_secret: str | None
    card_id: str | None
    charge_id: str | None
    receipt_url: str | None
    refunded_minor: int
    failure: str | None
    asked_at: datetime

    @property
    def is_paid(self) -> bool:
        return self.status == "succeeded"


@dataclass(frozen=True)
class Checkout:
    """A Checkout Session, fetched with its payment. ``asked_at`` is our time before the fetch."""

    id: str
    mode: str
    status: str
    payment_status: str
    amount_subtotal_minor: int
    amount_total_minor: int
    currency: str
    url: str | None
    client_secret: str | None
    payment_key: str | None
    customer_id: str | None
    setup_intent_id: str | None
    invoice_id: str | None
    intent: Intent | None
    asked_at: datetime

    @property
    def is_paid(self) -> bool:
        """Paid, or nothing to pay with a 100 % code. https://docs.stripe.com/checkout/fulfillment"""
        return self.status == "complete" and self.payment_status != "unpaid"


@dataclass(frozen=True)
class Event:
    """That something happened to an object at Stripe. Only the object's id is used, to fetch it."""

    id: str
    type: str
    object_id: str | None
    livemode: bool
    api_version: str | None
    created_at: datetime
