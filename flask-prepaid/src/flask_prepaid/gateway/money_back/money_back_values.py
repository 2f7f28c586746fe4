"""Refunds, disputes, credit notes and warnings of fraud, as Stripe has them, as plain frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..values import id_of, is_expanded, moment, moment_or_none, payment_key

#: The metadata field in which a refund that was asked for here carries the refund's idempotency key.
REFUND_KEY = "prepaid_refund"


@dataclass(frozen=True)
class StripeRefund:
    """Money that goes back, or went, or could not."""

    id: str
    status: str
    amount_minor: int
    intent_id: str | None
    charge_id: str | None
    refund_key: str | None
    created_at: datetime
    asked_at: datetime


@dataclass(frozen=True)
class StripeDispute:
    """A bank's objection to a charge. ``evidence_due_at`` is the end of the time for an answer, if any.

    ``payment_key`` names our payment, and ``customer_id`` is who was charged, as its PaymentIntent has them.
    """

    id: str
    status: str
    reason: str
    evidence_due_at: datetime | None
    amount_minor: int
    intent_id: str | None
    charge_id: str | None
    payment_key: str | None
    customer_id: str | None
    created_at: datetime
    asked_at: datetime


@dataclass(frozen=True)
class StripeCreditNote:
    """A paid invoice was made smaller: by so much that is no refund to the card, in its smallest unit.

    ``outside_minor`` of it was given back outside of Stripe, the rest to the customer's balance.
    """

    id: str
    status: str
    amount_minor: int
    outside_minor: int
    invoice_id: str
    created_at: datetime
    asked_at: datetime


@dataclass(frozen=True)
class StripeWarning:
    """An early fraud warning: a card's bank suspects a charge. It is no dispute, and may become one.

    ``actionable`` ends once the charge is refunded in full or disputed. ``payment_key`` names our payment,
    and ``customer_id`` is who was charged, as its PaymentIntent has them.
    https://docs.stripe.com/api/radar/early_fraud_warnings/object
    """

    id: str
    fraud_type: str
    actionable: bool
    intent_id: str | None
    charge_id: str | None
    payment_key: str | None
    customer_id: str | None
    created_at: datetime
    asked_at: datetime


def refund_of(refund: Any, asked_at: datetime) -> StripeRefund:
    return StripeRefund(
        id=refund.id,
        status=refund.status or "pending",
        amount_minor=refund.amount,
        intent_id=id_of(refund.payment_intent),
        charge_id=id_of(refund.charge),
        refund_key=refund.metadata.to_dict().get(REFUND_KEY) if refund.metadata else None,
        created_at=moment(refund.created),
        asked_at=asked_at,
    )


def dispute_of(dispute: Any, asked_at: datetime) -> StripeDispute:
    intent = dispute.payment_intent if is_expanded(dispute.payment_intent) else None
    return StripeDispute(
        id=dispute.id,
        status=dispute.status,
        reason=dispute.reason,
        evidence_due_at=moment_or_none(dispute.evidence_details.due_by or None),  # 0 is no day
        amount_minor=dispute.amount,
        intent_id=id_of(dispute.payment_intent),
        charge_id=id_of(dispute.charge),
        payment_key=payment_key(intent) if intent else None,
        customer_id=id_of(intent.customer) if intent else None,
        created_at=moment(dispute.created),
        asked_at=asked_at,
    )


def credit_note_of(note: Any, asked_at: datetime) -> StripeCreditNote:
    refunded = sum(refund.amount_refunded for refund in note.refunds or [])
    return StripeCreditNote(
        id=note.id,
        status=note.status,
        amount_minor=note.post_payment_amount - refunded,
        outside_minor=note.out_of_band_amount or 0,
        invoice_id=id_of(note.invoice) or "",
        created_at=moment(note.created),
        asked_at=asked_at,
    )


def warning_of(warning: Any, asked_at: datetime) -> StripeWarning:
    # Stripe leaves the intent out where the charge was made without one.
    named = getattr(warning, "payment_intent", None)
    intent = named if is_expanded(named) else None
    return StripeWarning(
        id=warning.id,
        fraud_type=warning.fraud_type,
        actionable=warning.actionable,
        intent_id=id_of(named),
        charge_id=id_of(warning.charge),
        payment_key=payment_key(intent) if intent else None,
        customer_id=id_of(intent.customer) if intent else None,
        created_at=moment(warning.created),
        asked_at=asked_at,
    )
