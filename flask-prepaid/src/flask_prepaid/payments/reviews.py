"""Payments that need a review: what was paid is not what was agreed. A person says what was done."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from ..checks import MAX_ID
from ..context import Context, nothing, transaction
from ..errors import NotYours, UnknownItem
from . import wrong_charges
from .models import Payment, PaymentState, Review
from .payments import lock


def waits() -> ColumnElement[bool]:
    """Whether a payment needs a review that nobody has made, for a query."""
    return (Payment.state == PaymentState.NEEDS_REVIEW) & Payment.reviewed_at.is_(None)


def covers(session: Session, payment: Payment, intent_id: str) -> bool:
    """Whether a review has dealt with this charge of a payment."""
    row = wrong_charges.find(session, payment, intent_id)
    return row is not None and row.reviewed_at is not None


def count(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(Payment).where(waits())) or 0


def close(
    context: Context,
    payment_id: int,
    *,
    review: str,
    charge: str | None = None,
    note: Callable[[], object] = nothing,
) -> Payment:
    """Note that what was paid otherwise than agreed has been dealt with. Commits; the first note counts.

    Neither money nor credits move by it: what is to be refunded or given, is refunded or given.

    :param review: What was done, and by whom.
    :param charge: The charge, page or invoice that was looked at, by Stripe's id, where there are several.
    :param note: Is called once, in the transaction that writes it down, for the record of who did it.
    :raises NotYours: There is no such payment.
    :raises UnknownItem: It needs no review, or it is not said which of several charges was looked at.
    """
    with transaction(context) as session:
        payment = find(session, payment_id)
        lock(session, payment)
        row = wanted(session, payment, charge)
        if row.reviewed_at is None:
            wrong_charges.close(session, payment, row, review)
            note()
    return payment


def find(session: Session, payment_id: int) -> Payment:
    """
    :raises NotYours: There is no such payment.
    """
    payment = session.get(Payment, payment_id) if 1 <= payment_id <= MAX_ID else None
    if payment is None:
        raise NotYours(f"There is no payment {payment_id}.")
    return payment


def wanted(session: Session, payment: Payment, charge: str | None) -> Review:
    """What of a payment is looked at: the one that is named, or the one that is left.

    :raises UnknownItem: It needs no review, or it is not said which of several charges is meant.
    """
    if payment.state is not PaymentState.NEEDS_REVIEW:
        state = payment.state.replace("_", " ")
        raise UnknownItem(f"Payment {payment.id} is {state}: it needs no review.", field="payment")
    if charge is not None:
        row = wrong_charges.find(session, payment, charge)
        if row is None:
            raise UnknownItem(f"Payment {payment.id} has no charge {charge} to review.", field="charge")
        return row
    rows = wrong_charges.left(session, payment) or wrong_charges.of(session, payment)[-1:]
    if len(rows) > 1:
        names = "; ".join(f"{name_of(row)} ({row.reason})" for row in rows)
        raise UnknownItem(f"Name the charge that you have looked at, one of: {names}.", field="charge")
    return rows[0]


def name_of(row: Review) -> str:
    """What Stripe's dashboard calls it."""
    return row.payment_intent_id or row.stripe_id
