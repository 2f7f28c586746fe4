"""What customers' balances at Stripe have paid, wholly or in part, and when to look at that again."""

from __future__ import annotations

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from .models import BalancePaid, Payment


def note(session: Session, payment: Payment, amount_minor: int) -> None:
    """Write down how much of a payment the balance has paid, if any. In the caller's transaction."""
    if amount_minor > 0:
        session.add(
            BalancePaid(
                payment_id=payment.id, amount_minor=amount_minor, taken_minor=0, taken_once=0, takes=0
            )
        )
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
