"""What a receipt says beside the payment's row: which card paid for a plan."""

from __future__ import annotations

import logging

from prepaid_ledger.errors import PrepaidError

from ..context import Context, reading, transaction
from ..payments import payments
from ..payments.models import Payment

log = logging.getLogger(__name__)


def learn_card(context: Context, payment_id: int) -> None:
    """Fetch the card that was charged, where its row does not know it yet, as with a plan's. Commits.

    A receipt without its card is better than none: where Stripe does not answer, it goes out so.
    """
    with reading(context) as session:
        payment = session.get(Payment, payment_id)
        intent_id = payment.payment_intent_id if payment and payment.charged_minor else None
        if payment is None or intent_id is None or payment.last4:
            return
    try:
        intent = context.gateway.charges.fetch(intent_id)
    except PrepaidError as error:
        log.warning("the receipt of payment %s goes out without its card: %s", payment_id, error)
        return
    if intent is not None and intent.last4:
        with transaction(context) as session:
            row = session.get_one(Payment, payment_id)
            payments.lock(session, row)
            row.brand, row.last4 = intent.brand, intent.last4
            row.charge_id = row.charge_id or intent.charge_id
