"""Stripe is asked what came of a payment of which no event has told; what nobody comes to pay is closed."""

from __future__ import annotations

from datetime import timedelta

from ..context import Context, reading, refuse_uncommitted, transaction
from ..payments import timing
from ..payments.customers.rows import customers_of
from ..payments.models import Payment, PaymentState, Via
from ..payments.outcome import applying, transitions
from ..payments.outcome.comparison import Fetched
from . import by_invoice, by_key

#: A charge that waits for its owner at the bank is closed after this.
CHALLENGE_LASTS = timedelta(hours=24)


def check_with_stripe(context: Context, payment_id: int) -> None:
    """Ask Stripe what came of a payment that no event has told of, and write it down. Commits."""
    refuse_uncommitted(context)
    with transaction(context) as session:
        payment = session.get_one(Payment, payment_id)
        payment.check_at = timing.next_check(context.config, payment.checks)
        payment.checks += 1
        age, via = context.clock() - payment.created_at, payment.via
    is_known = sync(context, payment)
    with reading(context):
        ends_after = None if via is Via.CHECKOUT else _ends_after(payment)
    if not is_known and age > timing.IN_FLIGHT:
        with transaction(context):
            transitions.give_up(context, payment, transitions.UNKNOWN_AT_STRIPE)
    elif ends_after is not None and age > ends_after:
        _close_charge(context, payment)


def _ends_after(payment: Payment) -> timedelta | None:
    """How old a charge may get that nobody has paid; ``None`` where it is decided, or the bank decides."""
    if payment.state is PaymentState.OPEN:
        return CHALLENGE_LASTS
    is_left = payment.invoice_id is not None and payment.state in transitions.UNRESOLVED
    return timing.IN_FLIGHT if is_left else None


def _close_charge(context: Context, payment: Payment) -> None:
    """Close a charge that waits for its owner at the bank, or an invoice that nobody came to pay. Commits."""
    with reading(context):
        intent_id, invoice_id = payment.payment_intent_id, payment.invoice_id
    closed: Fetched | None
    if invoice_id is not None:
        closed = context.gateway.invoice_charges.close(invoice_id)
    else:
        assert intent_id is not None, "an open charge is known at Stripe"
        closed = context.gateway.charges.cancel(intent_id)
    with transaction(context):
        if closed is None:
            transitions.give_up(context, payment, transitions.NEVER_ISSUED)
        else:
            applying.apply(context, payment, closed)


def sync(context: Context, payment: Payment) -> bool:
    """Fetch what Stripe has of a payment and write it down; whether it has anything. Commits.

    Where the answer that named it was lost, it is found by our key among what its owner's customers have.
    """
    with reading(context) as session:
        customer_ids, key = customers_of(session, payment.owner), payment.idempotency_key
        session_id, intent_id, via = payment.session_id, payment.payment_intent_id, payment.via
        invoice_id = payment.invoice_id
    fetched: Fetched | None
    if via is Via.CHECKOUT:
        fetched = by_key.checkout(context, session_id, customer_ids, key)
    elif invoice_id is not None:
        fetched = by_invoice.fetch(context, invoice_id)
    else:
        fetched = by_key.charge(context, intent_id, customer_ids, key)
    if fetched is not None:
        with transaction(context):
            applying.apply(context, payment, fetched)
    return fetched is not None
