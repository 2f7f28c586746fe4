"""What Stripe has kept of one payment's money, by our copy of its balance."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ...payments.models import Payment
from ..models import Movement


def fee_of(session: Session, payment: Payment, *, kept_minor: int) -> int | None:
    """The fees of the payment's charge, refunds and disputes so far, in the smallest unit of its currency.

    :param kept_minor: What of the money is with us before fees. ``None`` is answered where the copy adds up
        to something else: a part of it is not copied yet, or Stripe counts it in another currency.
    """
    sums = select(func.sum(Movement.amount_minor), func.sum(Movement.fee_minor)).where(
        Movement.payment_id == payment.id, Movement.currency == payment.currency
    )
    amount_minor, fee_minor = session.execute(sums).one()
    return None if fee_minor is None or amount_minor != kept_minor else int(fee_minor)
