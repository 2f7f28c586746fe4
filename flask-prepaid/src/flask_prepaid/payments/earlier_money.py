"""What money of earlier payments has paid, and when to look at that again.

It went to the customer's balance at Stripe, or an invoice gave it back and used it at once.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from ..gateway.billing.invoice_charge_values import InvoiceCharge
from ..gateway.billing.invoice_values import StripeInvoice
from .models import BalancePaid, CarriedOver, EarlierMoney, Payment

#: The tables of it.
EARLIER: tuple[type[BalancePaid] | type[CarriedOver], ...] = (BalancePaid, CarriedOver)


def note_balance(session: Session, payment: Payment, bill: StripeInvoice | InvoiceCharge) -> None:
    """Write down how much of a payment the balance has paid, if any. In the caller's transaction.

    :param bill: The paid invoice.
    """
    minor = bill.from_balance_minor
    if minor:
        _add(session, BalancePaid(payment_id=payment.id, amount_minor=minor, at=bill.final_at))


def note_carried(session: Session, payment: Payment, minor: int, credits: int, at: datetime) -> None:
    """Write down how much of a payment was paid by what its invoice gave back. In the caller's transaction.

    :param credits: So many of its credits no new money has paid for.
    """
    _add(session, CarriedOver(payment_id=payment.id, amount_minor=minor, credits=credits, at=at))


def _add(session: Session, row: EarlierMoney) -> None:
    row.taken_minor = row.taken_once = row.takes = 0
    session.add(row)
    session.flush()


def look_again(session: Session, owner: str) -> None:
    """Money of the owner's went back, or to the balance: ``tick`` looks at what it had paid for.

    Call it after everything else of the transaction: the wallet's lock comes before those rows.
    """
    mine = select(Payment.id).where(Payment.owner == owner)
    for table in EARLIER:
        session.execute(
            update(table)
            .where(table.payment_id.in_(mine))
            .values(changes=table.changes + 1)
            .execution_options(synchronize_session=False)
        )
