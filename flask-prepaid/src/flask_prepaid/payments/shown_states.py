"""What is said of a payment's state where people read it: of one that was paid, what became of its money."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, String, case, exists, func, select, type_coerce
from sqlalchemy.orm import Session, column_property

from .dispute_states import TAKES_NOTHING, DisputeState
from .models import CAME_BACK, NOT_REFUNDED, UNDER_WAY, Dispute, Payment, PaymentState, Refund
from .part_charges import is_of_its_charge


class PaidState(StrEnum):
    """What became of money that was paid and is not all with us.

    ``DISPUTED``: a bank has it until it has decided. A dispute that was won leaves a payment paid, and so
    does an inquiry, by which a bank takes nothing. ``REFUND_UNDER_WAY``: Stripe has not finished a refund;
    ``REFUND_FAILED``: one came back, so that all of the money is with us again.
    """

    REFUND_UNDER_WAY = "refund_under_way"
    REFUND_FAILED = "refund_failed"
    PARTLY_REFUNDED = "partly_refunded"
    REFUNDED = "refunded"
    DISPUTED = "disputed"
    DISPUTE_LOST = "dispute_lost"


class ReviewedState(StrEnum):
    """What is said of a payment that needed a review, and that a person has dealt with."""

    REVIEWED = "reviewed"


#: The row's own state, unless the payment was paid and money has gone back, or its review is over.
ShownState = PaymentState | PaidState | ReviewedState

#: All of them: what was paid, what may still be, and what came to nothing.
ALL: tuple[ShownState, ...] = (
    PaymentState.PAID,
    *PaidState,
    *(PaymentState.REQUESTED, PaymentState.OPEN, PaymentState.PENDING),
    *(PaymentState.UNKNOWN, PaymentState.NEEDS_REVIEW, ReviewedState.REVIEWED),
    *(PaymentState.FAILED, PaymentState.EXPIRED),
)

_BY_WORD: dict[str, ShownState] = {state.value: state for state in ALL}


@dataclass(frozen=True)
class RefundSums:
    """What became of a payment's refunds, in the smallest unit of its currency.

    ``failed_minor`` is what a bank sent back, as far as no other refund has gone through for it since.
    """

    done_minor: int = 0
    under_way_minor: int = 0
    failed_minor: int = 0


def named(word: str) -> ShownState | None:
    """The state of this word; ``None`` where there is none."""
    return _BY_WORD.get(word)


def column() -> ColumnElement[str]:
    """The shown state of each payment, by its word, for a query."""
    disputed = exists().where(Dispute.payment_id == Payment.id, is_of_its_charge()).correlate(Payment)
    refunded = exists().where(Refund.payment_id == Payment.id).correlate(Payment)
    is_reviewed = (Payment.state == PaymentState.NEEDS_REVIEW) & Payment.reviewed_at.is_not(None)
    return case(
        (is_reviewed, ReviewedState.REVIEWED.value),
        (Payment.state != PaymentState.PAID, type_coerce(Payment.state, String)),
        (disputed.where(Dispute.state == DisputeState.LOST), PaidState.DISPUTE_LOST.value),
        (disputed.where(Dispute.state.not_in(TAKES_NOTHING)), PaidState.DISPUTED.value),
        (refunded.where(Refund.state.in_(UNDER_WAY)), PaidState.REFUND_UNDER_WAY.value),
        (Payment.refunded_minor > 0, _refunded()),
        (refunded.where(Refund.state.in_(CAME_BACK)), PaidState.REFUND_FAILED.value),
        else_=PaymentState.PAID.value,
    )


def _refunded() -> ColumnElement[str]:
    """Whether all of what was paid has gone back, or a part, where some has."""
    return case(
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


def refunded_of_each(session: Session, payments: Sequence[Payment]) -> Mapping[int, RefundSums]:
    """What became of the refunds of each payment, by the payment's id."""

    def of_states(states: Collection[str]) -> ColumnElement[int]:
        return func.sum(case((Refund.state.in_(states), Refund.amount_minor), else_=0))

    sums = (
        select(Refund.payment_id, of_states(NOT_REFUNDED), of_states(UNDER_WAY), of_states(CAME_BACK))
        .add_columns(func.sum(Refund.amount_minor))
        .where(Refund.payment_id.in_([payment.id for payment in payments]))
        .group_by(Refund.payment_id)
    )
    charged = {payment.id: payment.charged_minor for payment in payments}
    read = dict.fromkeys(charged, RefundSums())
    for payment_id, none, under_way, failed, every in session.execute(sums):
        left = max(charged[payment_id] - int(every - none), 0)
        read[payment_id] = RefundSums(int(every - none - under_way), int(under_way), min(int(failed), left))
    return read


def taken_of_each(session: Session, payments: Sequence[Payment]) -> Counter[int]:
    """What banks have of payments by disputes, in the smallest unit, by the payment's id."""
    sums = (
        select(Dispute.payment_id, func.sum(Dispute.amount_minor))
        .join(Payment, Payment.id == Dispute.payment_id)
        .where(is_of_its_charge())
        .where(Dispute.payment_id.in_([payment.id for payment in payments]))
        .where(Dispute.state.not_in(TAKES_NOTHING))
        .group_by(Dispute.payment_id)
    )
    return Counter({payment_id: int(minor) for payment_id, minor in session.execute(sums)})
