"""What customers' balances at Stripe have paid, wholly or in part, and when to look at that again."""

from __future__ import annotations

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from ..gateway.billing.invoice_charge_values import InvoiceCharge
from ..gateway.billing.subscription_values import StripeInvoice
from .models import BalancePaid, Payment


def note(session: Session, payment: Payment, bill: StripeInvoice | InvoiceCharge) -> None:
    """Write down how much of a payment the balance has paid, if any. In the caller's transaction.

    :param bill: The paid invoice.
    """
    if bill.from_balance_minor:
        row = BalancePaid(payment_id=payment.id, amount_minor=bill.from_balance_minor, at=bill.final_at)
        row.taken_minor = row.taken_once = row.takes = 0
        session.add(row)
        session.flush()


def look_again(session: Session, owner: str) -> None:
    """Money of the owner's went back, or to the balance: ``tick`` looks at what the balance has paid.

    Call it after everything else of the transaction: the wallet's lock comes before those rows.
    """
    mine = select(Payment.id).where(Payment.owner == owner)
    session.execute(
        update(BalancePaid)
        .where(BalancePaid.payment_id.in_(mine))
        .values(changes=BalancePaid.changes + 1)
        .execution_options(synchronize_session=False)
    )
