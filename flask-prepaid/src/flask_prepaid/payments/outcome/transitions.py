"""How the state of a payment changes while nothing is paid: it waits, or ends without money."""

from __future__ import annotations

from ... import signals
from ...context import Context
from ...gateway.billing.invoice_charge_values import InvoiceCharge
from ...gateway.values import Intent
from .. import tax_rates
from ..models import Payment, PaymentState, Via
from ..payments import lock
from .comparison import Fetched, intent_of

#: Nothing more comes of a payment in one of these, but money back.
FINAL = {PaymentState.PAID, PaymentState.FAILED, PaymentState.EXPIRED, PaymentState.NEEDS_REVIEW}

#: Stripe was perhaps asked, and nobody knows what came of it.
UNRESOLVED = (PaymentState.REQUESTED, PaymentState.UNKNOWN)

#: What a PaymentIntent's status means for the payment that waits for it.
INTENT_STATES = {
    "processing": PaymentState.PENDING,
    "requires_capture": PaymentState.PENDING,
    "requires_action": PaymentState.OPEN,
    "requires_confirmation": PaymentState.OPEN,
    "requires_payment_method": PaymentState.FAILED,
    "canceled": PaymentState.FAILED,
}

#: Why nothing came of a payment without a bank being asked. Operators read it.
UNKNOWN_AT_STRIPE = "Stripe knows nothing of it"
NEVER_ISSUED = "its invoice was never issued"
CUSTOMER_GONE = "the customer is gone"


def of_intent(intent: Intent) -> PaymentState:
    """Where a payment stands whose PaymentIntent is not paid."""
    return INTENT_STATES.get(intent.status, PaymentState.PENDING)


def move(context: Context, payment: Payment, state: PaymentState, fetched: Fetched) -> None:
    """Note a state that is overwritten, unless a later fetch has written one, or the payment is paid.

    One that was refused for its total stays so: what comes is the echo of its invoice being closed.
    """
    if payment.state in (PaymentState.PAID, PaymentState.NEEDS_REVIEW):
        return
    if payment.failure == tax_rates.ABOVE_MAX:
        return
    if payment.fetched_at is not None and payment.fetched_at > fetched.asked_at:
        return
    failed_now = state is PaymentState.FAILED and payment.state is not PaymentState.FAILED
    payment.state = state
    payment.fetched_at = fetched.asked_at
    intent = intent_of(fetched)
    payment.failure = intent.failure if intent else None
    if state in FINAL:
        payment.check_at = None
    if failed_now:
        _announce_failure(context, payment)


def mark_unknown(context: Context, payment: Payment) -> None:
    """Stripe was asked to charge and did not answer: nobody may pay again until it is known."""
    lock(context.session, payment)
    if payment.state is PaymentState.REQUESTED:
        payment.state = PaymentState.UNKNOWN


def give_up(context: Context, payment: Payment, reason: str) -> None:
    """Nothing came of it at Stripe, and nothing can any more."""
    lock(context.session, payment)
    if payment.state not in FINAL:
        payment.state = PaymentState.FAILED
        payment.failure = reason[:255]
        payment.check_at = None
        _announce_failure(context, payment)
    elif payment.state is PaymentState.FAILED:
        # An event of its closed invoice came first, and gave no reason.
        payment.failure = payment.failure or reason[:255]


def refuse_total(context: Context, payment: Payment, billed: InvoiceCharge) -> None:
    """With its tax an invoice costs more than was agreed. It is closed, and its tax is known from now on."""
    lock(context.session, payment)
    if payment.state in (PaymentState.PAID, PaymentState.NEEDS_REVIEW):
        return
    payment.state, payment.failure, payment.check_at = PaymentState.FAILED, tax_rates.ABOVE_MAX, None
    if billed.status != "draft":  # a draft is deleted
        payment.invoice_id, payment.invoice_number = billed.id, billed.number
    payment.tax_minor = billed.amount_total_minor - billed.amount_subtotal_minor
    payment.taxed = billed.taxed


def _announce_failure(context: Context, payment: Payment) -> None:
    failed = {"owner": payment.owner, "payment_id": payment.id}
    signals.after_commit(context.session, signals.payment_failed, **failed, reason=payment.failure)
    if payment.via is Via.TOPUP:
        signals.after_commit(context.session, signals.topup_failed, **failed)
