"""What went back of a payment before it was paid here: an event that came then has found no paid payment.

A payment in review waits for an operator, and an invoice that several charges pay, for the last of them.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select

from prepaid_ledger import clock

from ...context import Context, Write, transaction
from ...payments import part_charges, payments, timing
from ...payments.models import Payment, PaymentState
from . import credit_notes, refund_sync
from .disputes import dispute_sync, warning_sync


def fetch(context: Context, intent_ids: Iterable[str], invoice_id: str | None) -> Write[None]:
    """Fetch all that went back of these charges and of their invoice; what is returned takes its credits.

    What their banks warn of is kept, too.
    """
    gateway, ids = context.gateway, list(intent_ids)
    refunded = [refund for intent_id in ids for refund in gateway.refunds.of_intent(intent_id)]
    disputed = [dispute for intent_id in ids for dispute in gateway.disputes.of_intent(intent_id)]
    warned = [warning for intent_id in ids for warning in gateway.fraud_warnings.of_intent(intent_id)]
    credited = gateway.credit_notes.of_invoice(invoice_id) if invoice_id else []

    def write() -> None:
        for refund in refunded:
            refund_sync.apply_refund(context, refund)
        for dispute in disputed:
            dispute_sync.apply_dispute(context, dispute)
        for note in credited:
            credit_notes.apply_note(context, note)
        for warning in warned:
            warning_sync.apply(context, warning)

    return write


def due(context: Context, *, limit: int = 100) -> list[int]:
    """The paid payments of which it is not known what went back before."""
    overdue = Payment.state == PaymentState.PAID, Payment.check_at <= clock.wall()
    return list(context.session.scalars(select(Payment.id).where(*overdue).limit(limit)))


def check(context: Context, payment_id: int) -> None:
    """Ask Stripe what went back of a payment, and take its credits. Commits."""
    with transaction(context) as session:
        payment = session.get_one(Payment, payment_id)
        payment.check_at = timing.next_check(context.config, payment.checks)
        payment.checks += 1
        charges, invoice_id = part_charges.of(session, payment), payment.invoice_id
    write = fetch(context, [charge.intent_id for charge in charges], invoice_id)
    with transaction(context) as session:
        payments.lock(session, payment)
        write()
        payment.check_at = None
