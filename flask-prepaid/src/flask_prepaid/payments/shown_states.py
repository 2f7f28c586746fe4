"""What is said of a payment's state where people read it: of one that was paid, what became of its money."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from .models import TAKES_NOTHING, Dispute, DisputeState, Payment, PaymentState


class PaidState(StrEnum):
    """What became of money that was paid and is not all with us.

    ``DISPUTED``: a bank has it until it has decided. A dispute that was won leaves a payment paid, and so
    does an inquiry, by which a bank takes nothing.
    """

    PARTLY_REFUNDED = "partly_refunded"
    REFUNDED = "refunded"
    DISPUTED = "disputed"
    DISPUTE_LOST = "dispute_lost"


#: The row's own state, unless the payment was paid and money has gone back.
ShownState = PaymentState | PaidState


def of_each(session: Session, payments: Sequence[Payment]) -> dict[int, ShownState]:
    """The state of each payment as a page shows it, by the payment's id."""
    taken = taken_of_each(session, payments)
    return {payment.id: _shown(payment, taken[payment.id]) for payment in payments}


@dataclass
class Taken:
    """What banks have of a payment, by disputes, in its smallest unit; some of it for good if one is lost."""

    minor: int = 0
    is_lost: bool = False


def taken_of_each(session: Session, payments: Sequence[Payment]) -> Mapping[int, Taken]:
    """What banks have of each payment, by its id."""
    ids = [payment.id for payment in payments if payment.state is PaymentState.PAID]
    taken = defaultdict[int, Taken](Taken)
    disputes = select(Dispute.payment_id, Dispute.state, Dispute.amount_minor).where(
        Dispute.payment_id.in_(ids), Dispute.state.not_in(TAKES_NOTHING)
    )
    for payment_id, state, amount_minor in session.execute(disputes) if ids else ():
        taken[payment_id].minor += amount_minor
        taken[payment_id].is_lost |= state == DisputeState.LOST
    return taken


def _shown(payment: Payment, taken: Taken) -> ShownState:
    if payment.state is not PaymentState.PAID:
        return payment.state
    if taken.minor:
        return PaidState.DISPUTE_LOST if taken.is_lost else PaidState.DISPUTED
    if not payment.refunded_minor:
        return PaymentState.PAID
    is_whole = payment.refunded_minor >= (payment.paid_minor or 0)
    return PaidState.REFUNDED if is_whole else PaidState.PARTLY_REFUNDED
