"""What a receipt says beside the payment's row: the card of a plan, and the number of Checkout's invoice."""

from __future__ import annotations

import logging
from functools import partial

from prepaid_ledger.errors import PrepaidError

from ...context import Context, reading, transaction, write_now
from ...payments import payments
from ...payments.models import Payment, Via
from ...purchases.settling import note_invoice

log = logging.getLogger(__name__)


def complete(context: Context, payment_id: int) -> None:
    """Fetch what the payment's row does not know yet. Commits.

    A receipt without it is better than none: where Stripe does not answer, it goes out so.
    """
    for learn in (_learn_card, _learn_invoice):
        try:
            learn(context, payment_id)
        except PrepaidError as error:
            log.warning("the receipt of payment %s goes out without all of it: %s", payment_id, error)


def _learn_card(context: Context, payment_id: int) -> None:
    """The card that was charged, as with a plan's."""
    with reading(context) as session:
        payment = session.get(Payment, payment_id)
        intent_id = payment.payment_intent_id if payment and payment.charged_minor else None
        if payment is None or intent_id is None or payment.last4:
            return
    intent = context.gateway.charges.fetch(intent_id)
    if intent is not None and intent.last4:
        with transaction(context) as session:
            row = session.get_one(Payment, payment_id)
            payments.lock(session, row)
            row.brand, row.last4 = intent.brand, intent.last4
            row.charge_id = row.charge_id or intent.charge_id


def _learn_invoice(context: Context, payment_id: int) -> None:
    """The invoice that Stripe makes of a paid page, whose event may come after that of the payment."""
    if not context.config.invoices:
        return
    with reading(context) as session:
        payment = session.get(Payment, payment_id)
        if payment is None or payment.via is not Via.CHECKOUT or payment.invoice_number:
            return
        session_id = payment.session_id
    checkout = context.gateway.checkout.fetch(session_id) if session_id else None
    invoice_id = checkout.invoice_id if checkout is not None else None
    invoice = context.gateway.invoices.fetch(invoice_id) if invoice_id else None
    if invoice is not None:
        write_now(context, partial(note_invoice, context, invoice))
