"""Payments that need a review: what was paid is not what was agreed. A person says what was done."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from prepaid_ledger import clock

from ..checks import MAX_ID
from ..context import Context, nothing, transaction
from ..errors import NotYours, UnknownItem
from .models import Payment, PaymentState
from .payments import lock


def waits() -> ColumnElement[bool]:
    """Whether a payment needs a review that nobody has made, for a query."""
    return (Payment.state == PaymentState.NEEDS_REVIEW) & Payment.reviewed_at.is_(None)


def count(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(Payment).where(waits())) or 0


def close(context: Context, payment_id: int, *, review: str, note: Callable[[], object] = nothing) -> Payment:
    """Note that a payment which needed a review has been dealt with. Commits; the first one counts.

    Neither money nor credits move by it: what is to be refunded or given, is refunded or given.

    :param review: What was done, and by whom.
    :param note: Is called once, in the transaction that writes it down, for the record of who did it.
    :raises NotYours: There is no such payment.
    :raises UnknownItem: It needs no review.
    """
    with transaction(context) as session:
        payment = session.get(Payment, payment_id) if 1 <= payment_id <= MAX_ID else None
        if payment is None:
            raise NotYours(f"There is no payment {payment_id}.")
        lock(session, payment)
        if payment.state is not PaymentState.NEEDS_REVIEW:
            state = payment.state.replace("_", " ")
            raise UnknownItem(f"Payment {payment_id} is {state}: it needs no review.", field="payment")
        if payment.reviewed_at is None:
            payment.reviewed_at, payment.review = clock.wall(), review[:255]
            note()
    return payment
