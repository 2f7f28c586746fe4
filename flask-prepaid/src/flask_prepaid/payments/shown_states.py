"""What is said of a payment's state where people read it: of one that was paid, what became of its money."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum

from sqlalchemy import ColumnElement, String, case, exists, func, select, type_coerce
from sqlalchemy.orm import Session, column_property

from .dispute_states import TAKES_NOTHING, DisputeState
from .models import Dispute, Payment, PaymentState


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

#: All of them: what was paid, what may still be, and what came to nothing.
ALL: tuple[ShownState, ...] = (
    PaymentState.PAID,
    *PaidState,
    *(PaymentState.REQUESTED, PaymentState.OPEN, PaymentState.PENDING),
    *(PaymentState.UNKNOWN, PaymentState.NEEDS_REVIEW),
    *(PaymentState.FAILED, PaymentState.EXPIRED),
)

_BY_WORD: dict[str, ShownState] = {state.value: state for state in ALL}


def named(word: str) -> ShownState | None:
    """The state of this word; ``None`` where there is none."""
    return _BY_WORD.get(word)


def column() -> ColumnElement[str]:
    """The shown state of each payment, by its word, for a query."""
    of_row = exists().where(Dispute.payment_id == Payment.id).correlate(Payment)
    return case(
        (Payment.state != PaymentState.PAID, type_coerce(Payment.state, String)),
        (of_row.where(Dispute.state == DisputeState.LOST), PaidState.DISPUTE_LOST.value),
        (of_row.where(Dispute.state.not_in(TAKES_NOTHING)), PaidState.DISPUTED.value),
        (Payment.refunded_minor == 0, PaymentState.PAID.value),
        (Payment.refunded_minor >= func.coalesce(Payment.paid_minor, 0), PaidState.REFUNDED.value),
        else_=PaidState.PARTLY_REFUNDED.value,
    )


#: Read where it is wanted, and not with each payment.
Payment.shown_state = column_property(column(), deferred=True)


def of_each(session: Session, payments: Sequence[Payment]) -> dict[int, ShownState]:
    """The state of each payment as a page shows it, by the payment's id."""
    ids = [payment.id for payment in payments]
    rows = session.execute(select(Payment.id, column()).where(Payment.id.in_(ids))) if ids else ()
    return {payment_id: _BY_WORD[word] for payment_id, word in rows}


def taken_of_each(session: Session, payments: Sequence[Payment]) -> Counter[int]:
    """What banks have of payments by disputes, in the smallest unit, by the payment's id."""
    sums = (
        select(Dispute.payment_id, func.sum(Dispute.amount_minor))
        .where(Dispute.payment_id.in_([payment.id for payment in payments]))
        .where(Dispute.state.not_in(TAKES_NOTHING))
        .group_by(Dispute.payment_id)
    )
    return Counter({payment_id: int(minor) for payment_id, minor in session.execute(sums)})
