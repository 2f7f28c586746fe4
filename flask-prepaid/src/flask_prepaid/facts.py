"""What Stripe said, as plain frozen values, and how each is read from the SDK's object.

An SDK object is taken as ``Any`` here: its class belongs to ``gateway``, the one
module that knows the SDK.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from .errors import BadSignature

#: The metadata field in which Stripe's objects carry the payment's idempotency key.
PAYMENT_KEY = "prepaid_payment"


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


def checkout_of(session: Any, asked_at: datetime) -> Checkout:
    intent = session.payment_intent
    return Checkout(
        id=session.id,
        mode=session.mode,
        status=session.status or "open",
        payment_status=session.payment_status,
        amount_subtotal_minor=session.amount_subtotal or 0,
        amount_total_minor=session.amount_total or 0,
        currency=session.currency or "",
        url=session.url,
        client_secret=session.client_secret,
        payment_key=payment_key(session),
        customer_id=id_of(session.customer),
        setup_intent_id=id_of(session.setup_intent),
        invoice_id=id_of(session.invoice),
        intent=intent_of(intent, asked_at) if is_whole(intent) else None,
        asked_at=asked_at,
    )


def intent_of(intent: Any, asked_at: datetime) -> Intent:
    charge = intent.latest_charge if is_whole(intent.latest_charge) else None
    error = intent.last_payment_error
    return Intent(
        id=intent.id,
        status=intent.status,
        amount_minor=intent.amount,
        received_minor=intent.amount_received,
        currency=intent.currency,
        payment_key=payment_key(intent),
        client_secret=intent.client_secret,
        card_id=id_of(intent.payment_method),
        charge_id=id_of(intent.latest_charge),
        receipt_url=charge.receipt_url if charge else None,
        refunded_minor=charge.amount_refunded if charge else 0,
        failure=(error.decline_code or error.code) if error else None,
        asked_at=asked_at,
    )


def payment_key(thing: Any) -> str | None:
    """The idempotency key of our payment row, if the object is one of ours."""
    return thing.metadata.to_dict().get(PAYMENT_KEY) if thing.metadata else None


def is_whole(field: Any) -> bool:
    """Whether a field of Stripe's holds an object, and not just its id."""
    return field is not None and not isinstance(field, str)


def id_of(field: Any) -> str | None:
    """The id in a field of Stripe's that holds an object or just its id."""
    return field if field is None or isinstance(field, str) else str(field.id)


def event_of(payload: Any) -> Event:
    """From a snapshot event or a thin one, whose types wear a ``v1.`` and which name the object only."""
    thin = payload["object"] == "v2.core.event"
    about = payload.get("related_object") if thin else payload["data"]["object"]
    created = payload["created"]
    return Event(
        id=word(payload["id"]),
        type=word(payload["type"]).removeprefix("v1."),
        object_id=word(about["id"]) if about and about.get("id") else None,
        livemode=bool(payload["livemode"]),
        api_version=payload.get("api_version"),
        created_at=datetime.fromisoformat(created) if thin else datetime.fromtimestamp(created, UTC),
    )


def word(value: object) -> str:
    """An id or a type: printable ASCII that fits its column."""
    if not (isinstance(value, str) and value.isascii() and value.isprintable() and 0 < len(value) <= 255):
        raise BadSignature("The event holds an id that is none of Stripe's")
    return value
