"""What Stripe has kept of one payment's money, by our copy of its balance."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ...payments.models import Payment
from ..models import Movement


@dataclass(frozen=True)
class Fees:
    """The fees of a payment's charge, refunds and disputes, as far as they are copied.

    :param minor: In the smallest unit of the payment's currency; ``None`` where nothing of it is copied, or
        Stripe counts it in another currency.
    :param is_whole: Whether all of its movements are copied.
    :param is_elsewhere: Whether Stripe counts it in another currency.
    """

    minor: int | None
    is_whole: bool
    is_elsewhere: bool


def fees_of(session: Session, payment: Payment, *, kept_minor: int) -> Fees:
    """What is known of a payment's fees.

    :param kept_minor: What of the money is with us before fees. Where the copy adds up to something else, a
        part of it is not copied yet.
    """
    sums = select(Movement.currency, func.sum(Movement.amount_minor), func.sum(Movement.fee_minor))
    rows = session.execute(sums.where(Movement.payment_id == payment.id).group_by(Movement.currency))
    copied = {currency: (int(amount), int(fee)) for currency, amount, fee in rows}
    if payment.currency not in copied:
        return Fees(None, is_whole=False, is_elsewhere=bool(copied))
    amount_minor, fee_minor = copied[payment.currency]
    return Fees(fee_minor, is_whole=amount_minor == kept_minor, is_elsewhere=False)
