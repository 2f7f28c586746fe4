"""What Stripe has, as plain frozen values, and how each is read from the SDK's object.

Money that goes back is in ``money_back_values.py``, plans are in ``subscription_values.py``, invoices of
plans in ``invoice_values.py``, and purchases by invoice in ``invoice_charge_values.py``. An SDK object is
taken as ``Any`` here: what it is called differs between the SDK's versions.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ..errors import BadSignature
from .billing.tax_words import taxed_on_page
from .payments.charge_methods import card_of_charge, says_when_it_was_paid

#: The metadata field in which Stripe's objects carry the payment's idempotency key.
PAYMENT_KEY = "prepaid_payment"

#: The metadata field in which a PaymentIntent carries the invoice of the purchase that it pays.
INVOICE_ID = "prepaid_invoice"

#: Why a charge fails whose bank wants to see its customer.
NEEDS_OWNER = "authentication_required"

_SESSION_ID = re.compile(r"cs_[A-Za-z0-9_]{1,200}")


def is_session_id(text: str) -> bool:
    """Whether a text that a browser sent may be the id of a Checkout Session."""
    return _SESSION_ID.fullmatch(text) is not None


@dataclass(frozen=True)
class NextStep:
    """Where a payment goes on that waits for its customer: on this page, or by Stripe's script.

    ``client_secret`` is ``None`` where only the page leads on.
    """

    url: str
    client_secret: str | None = None


@dataclass(frozen=True)
class Intent:
    """A PaymentIntent with its latest charge. Amounts in the smallest unit of ``currency``.

    ``refunded_minor`` is what of the charge was refunded. ``challenge_url`` is the bank's page, where it
    wants to see its customer. ``invoice_id`` is the invoice of a purchase that it pays. ``brand`` and
    ``last4`` are those of the card that the charge was made to. ``charged_at`` is when the charge paid,
    and ``None`` where it does not say: a bank's debit is charged days before its money is there.
    """

    id: str
    livemode: bool
    customer_id: str | None
    status: str
    amount_minor: int
    received_minor: int
    refunded_minor: int
    currency: str
    payment_key: str | None
    client_secret: str | None
    challenge_url: str | None
    card_id: str | None
    charge_id: str | None
    receipt_url: str | None
    brand: str | None
    last4: str | None
    failure: str | None
    asked_at: datetime
    charged_at: datetime | None = None
    invoice_id: str | None = None

    @property
    def is_paid(self) -> bool:
        return self.status == "succeeded"

    @property
    def is_all_back(self) -> bool:
        """Whether it was paid, and all of it is refunded."""
        return self.is_paid and self.refunded_minor >= self.received_minor

    @property
    def next_step(self) -> NextStep | None:
        """The bank's question, where it has one."""
        return NextStep(self.challenge_url, self.client_secret) if self.challenge_url else None

    @property
    def waits_for_owner(self) -> bool:
        """Whether the bank wants its customer on a page: then it can still be paid."""
        return self.status == "requires_action" or self.failure == NEEDS_OWNER


@dataclass(frozen=True)
class Checkout:
    """A Checkout Session, fetched with its payment. ``asked_at`` is our time before the fetch."""

    id: str
    livemode: bool
    mode: str
    status: str
    payment_status: str
    amount_subtotal_minor: int
    amount_total_minor: int
    discount_minor: int
    tax_minor: int
    taxed: str
    currency: str
    url: str | None
    client_secret: str | None
    payment_key: str | None
    customer_id: str | None
    invoice_id: str | None
    intent: Intent | None
    created_at: datetime
    asked_at: datetime

    @property
    def is_paid(self) -> bool:
        """Paid, or nothing to pay with a 100 % code. https://docs.stripe.com/checkout/fulfillment"""
        return self.status == "complete" and self.payment_status != "unpaid"


@dataclass(frozen=True)
class Card:
    """A PaymentMethod of type card. ``customer_id`` is ``None`` once it is detached."""

    id: str
    customer_id: str | None
    brand: str
    last4: str
    exp_month: int
    exp_year: int
    fingerprint: str | None
    name: str | None
    line1: str | None
    city: str | None
    postal_code: str | None
    country: str | None


@dataclass(frozen=True)
class StripeCustomer:
    """Who pays. ``email`` is where Stripe's receipts and invoices go."""

    id: str
    email: str | None


@dataclass(frozen=True)
class StripeMovement:
    """A balance transaction: ``amount_minor`` came in, or went if negative, and ``fee_minor`` was kept.

    ``net_minor`` is by what Stripe says its balance moved, ``original_minor`` is ``amount_minor`` in the
    currency that the customer has paid in. ``country`` is the card's, if a charge tells it.
    """

    id: str
    category: str
    currency: str
    amount_minor: int
    original_minor: int
    fee_minor: int
    net_minor: int
    source: str | None
    intent_id: str | None
    country: str
    created_at: datetime


@dataclass(frozen=True)
class Event:
    """That something happened to an object at Stripe. Only the object's id is used, to fetch it."""

    id: str
    type: str
    object_id: str | None
    livemode: bool
    api_version: str | None
    created_at: datetime


@dataclass(frozen=True)
class Endpoint:
    """Where Stripe sends events, of which ``types``; ``*`` is all of them."""

    id: str
    url: str
    enabled: bool
    types: tuple[str, ...]
    created_at: datetime


def checkout_of(session: Any, asked_at: datetime) -> Checkout:
    intent, details = session.payment_intent, session.total_details
    return Checkout(
        id=session.id,
        livemode=session.livemode,
        mode=session.mode,
        status=session.status or "open",
        payment_status=session.payment_status,
        amount_subtotal_minor=session.amount_subtotal or 0,
        amount_total_minor=session.amount_total or 0,
        discount_minor=details.amount_discount if details else 0,
        tax_minor=details.amount_tax if details else 0,
        taxed=taxed_on_page(session),
        currency=session.currency or "",
        url=session.url,
        client_secret=session.client_secret,
        payment_key=payment_key(session),
        customer_id=id_of(session.customer),
        invoice_id=id_of(session.invoice),
        intent=intent_of(intent, asked_at) if is_expanded(intent) else None,
        created_at=moment(session.created),
        asked_at=asked_at,
    )


def intent_of(intent: Any, asked_at: datetime) -> Intent:
    charge = intent.latest_charge if is_expanded(intent.latest_charge) else None
    error = intent.last_payment_error
    card = card_of_charge(charge)
    # A challenge that no return_url was given for is Stripe.js's, and has no address.
    redirect = getattr(intent.next_action, "redirect_to_url", None) if intent.next_action else None
    return Intent(
        id=intent.id,
        livemode=intent.livemode,
        customer_id=id_of(intent.customer),
        status=intent.status,
        amount_minor=intent.amount,
        received_minor=intent.amount_received,
        refunded_minor=charge.amount_refunded if charge else 0,
        currency=intent.currency,
        payment_key=payment_key(intent),
        client_secret=intent.client_secret,
        challenge_url=redirect.url if redirect else None,
        card_id=id_of(intent.payment_method),
        charge_id=id_of(intent.latest_charge),
        receipt_url=charge.receipt_url if charge else None,
        brand=card.brand if card else None,
        last4=card.last4 if card else None,
        failure=_reason(error) if error else None,
        asked_at=asked_at,
        charged_at=moment(charge.created) if charge and says_when_it_was_paid(charge) else None,
        invoice_id=intent.metadata.to_dict().get(INVOICE_ID) if intent.metadata else None,
    )


def _reason(error: Any) -> str | None:
    """Why a payment failed. Stripe leaves out what does not apply: only a bank's no has a decline code."""
    return getattr(error, "decline_code", None) or getattr(error, "code", None)


def card_of(method: Any) -> Card:
    owner, address = method.billing_details, method.billing_details.address
    return Card(
        id=method.id,
        customer_id=id_of(method.customer),
        brand=method.card.brand,
        last4=method.card.last4,
        exp_month=method.card.exp_month,
        exp_year=method.card.exp_year,
        fingerprint=method.card.fingerprint,
        name=owner.name,
        line1=address.line1 if address else None,
        city=address.city if address else None,
        postal_code=address.postal_code if address else None,
        country=address.country if address else None,
    )


def customer_of(customer: Any) -> StripeCustomer:
    return StripeCustomer(id=customer.id, email=customer.email or None)


def movement_of(moved: Any) -> StripeMovement:
    """With its source expanded, which is a charge, a refund, a dispute, or something that is no sale."""
    return StripeMovement(
        id=moved.id,
        category=moved.reporting_category,
        currency=moved.currency,
        amount_minor=moved.amount,
        original_minor=_original_minor(moved),
        fee_minor=moved.fee,
        net_minor=moved.net,
        source=id_of(moved.source),
        intent_id=id_of(getattr(moved.source, "payment_intent", None)),
        country=_country(moved.source),
        created_at=moment(moved.created),
    )


def _original_minor(moved: Any) -> int:
    """What moved, before it was converted. The rate has six digits, so the source's own amount is exact.

    A source may be larger than what moved, as where a part of a dispute is given back.
    """
    if not moved.exchange_rate:
        return int(moved.amount)
    by_rate: int = round(moved.amount / moved.exchange_rate)
    exact: int | None = getattr(moved.source, "amount", None)
    if exact is None or abs(abs(by_rate) - exact) > max(exact // 1_000, 2):
        return by_rate
    return exact if moved.amount > 0 else -exact


def endpoint_of(endpoint: Any) -> Endpoint:
    return Endpoint(
        id=endpoint.id,
        url=endpoint.url,
        enabled=endpoint.status == "enabled",
        types=tuple(endpoint.enabled_events),
        created_at=moment(endpoint.created),
    )


def balance_of(balance: Any) -> dict[str, int]:
    """What is held in each currency, available or not yet."""
    held: Counter[str] = Counter()
    for part in (*balance.available, *balance.pending):
        held[part.currency] += part.amount
    return dict(held)


def _country(source: Any) -> str:
    for name in ("payment_method_details", "card", "country"):
        source = getattr(source, name, None)
    return str(source or "")


def payment_key(thing: Any) -> str | None:
    """The idempotency key of our payment row, if the object is one of ours."""
    return thing.metadata.to_dict().get(PAYMENT_KEY) if thing.metadata else None


def made_with(things: Iterable[Any], key: str) -> str | None:
    """Stripe's id of the one that was made with our key; ``None`` if none was."""
    return next((thing.id for thing in things if payment_key(thing) == key), None)


def is_expanded(field: Any) -> bool:
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
        api_version=None if payload.get("api_version") is None else word(payload["api_version"])[:64],
        created_at=datetime.fromisoformat(created) if thin else moment(created),
    )


def word(value: object) -> str:
    """An id or a type: printable ASCII that fits its column."""
    if not (isinstance(value, str) and value.isascii() and value.isprintable() and 0 < len(value) <= 255):
        raise BadSignature("The event holds an id that is none of Stripe's")
    return value


def moment(unix: int) -> datetime:
    return datetime.fromtimestamp(unix, UTC)


def moment_or_none(unix: int | None) -> datetime | None:
    return None if unix is None else moment(unix)
