"""What was paid otherwise than agreed: each page, charge or invoice is kept, and reviewed by itself."""

from __future__ import annotations

import logging

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from prepaid_ledger import clock

from ... import signals
from ...context import Context
from ...gateway.values import Intent
from ..models import SENT_BACK, Payment, PaymentState, Review
from .comparison import Fetched, intent_of

log = logging.getLogger(__name__)


def call(context: Context, payment: Payment, reason: str, fetched: Fetched, *, is_foreign: bool) -> None:
    """Call an operator, until all that was paid is refunded; once for each object and reason.

    What was reviewed for another reason is looked at anew. A fetch that is older than the last one changes
    nothing. The caller holds the payment's lock.

    :param is_foreign: It names the payment, and was not made for it.
    """
    session, intent, reason = context.session, intent_of(fetched), reason[:255]
    row = find(session, payment, fetched.id, intent)
    if row is not None and row.fetched_at > fetched.asked_at:
        return
    is_back = intent is not None and intent.is_all_back
    if row is None and payment.state is PaymentState.PAID:
        if not is_back:
            log.error("payment %s is paid, and something else was paid for it: %s", payment.id, reason)
        return
    is_its = row is not None or (intent is not None and payment.payment_intent_id == intent.id)
    is_called = row is not None and row.reason == reason and not row.sent_back
    if row is None:
        row = Review(payment_id=payment.id, stripe_id=fetched.id, is_foreign=is_foreign, reason=reason)
        row.payment_intent_id, row.called_at = intent.id if intent else None, clock.wall()
        session.add(row)
    row.fetched_at = fetched.asked_at
    if is_back:
        _send_back(session, payment, row, is_its=is_its)
    elif not is_called:
        _call(session, payment, row, reason, intent)


def _call(session: Session, payment: Payment, row: Review, reason: str, intent: Intent | None) -> None:
    log.error("payment %s needs review: %s", payment.id, reason)
    if payment.state is PaymentState.PAID:
        return
    row.payment_intent_id = intent.id if intent is not None else None
    row.reason, row.sent_back, row.called_at = reason, False, clock.wall()
    row.reviewed_at = row.review = None
    payment.state, payment.check_at = PaymentState.NEEDS_REVIEW, None
    session.flush()
    show(session, payment)
    signals.after_commit(session, signals.payment_needs_review, owner=payment.owner, payment_id=payment.id)


def find(session: Session, payment: Payment, stripe_id: str, intent: Intent | None = None) -> Review | None:
    """What is kept of one page, charge or invoice that was paid for a payment."""
    same = [Review.stripe_id == stripe_id, Review.payment_intent_id == (intent.id if intent else stripe_id)]
    return session.scalars(select(Review).where(Review.payment_id == payment.id, or_(*same))).first()


def of(session: Session, payment: Payment) -> list[Review]:
    """All that was paid otherwise than agreed, the first that was heard of first."""
    mine = select(Review).where(Review.payment_id == payment.id)
    return list(session.scalars(mine.order_by(Review.called_at, Review.stripe_id)))


def left(session: Session, payment: Payment) -> list[Review]:
    """What of it nobody has reviewed, nor refunded."""
    return [row for row in of(session, payment) if row.reviewed_at is None]


def payment_of(session: Session, intent_id: str) -> Payment | None:
    """The payment for which a PaymentIntent was paid otherwise than agreed, if it was made for it."""
    named = select(Payment).join(Review, Review.payment_id == Payment.id)
    own = Review.payment_intent_id == intent_id, Review.is_foreign.is_(False)
    return session.scalars(named.where(*own).order_by(Payment.id)).first()


def close(session: Session, payment: Payment, row: Review, review: str) -> None:
    """Note what was done about one of them. The caller holds the payment's lock."""
    row.reviewed_at, row.review = clock.wall(), review[:255]
    session.flush()
    show(session, payment)


def _send_back(session: Session, payment: Payment, row: Review, *, is_its: bool) -> None:
    """All of it was refunded, and needs no review. If there is nothing else, nothing came of the payment.

    :param is_its: The payment waits for it, or somebody was called for it. Else the payment stays as it is.
    """
    if row.sent_back:  # a copy of the news
        return
    row.sent_back, row.reviewed_at = True, row.reviewed_at or clock.wall()
    session.flush()
    if not is_its or payment.state is PaymentState.PAID:
        return
    if all(each.sent_back for each in of(session, payment)):
        payment.state, payment.failure, payment.check_at = PaymentState.FAILED, SENT_BACK, None
    else:
        show(session, payment)


def show(session: Session, payment: Payment) -> None:
    """Let the payment say what is to be looked at next, or that all of it is reviewed."""
    rows, waiting = of(session, payment), left(session, payment)
    if waiting:
        payment.failure, payment.reviewed_at, payment.review = waiting[0].reason, None, None
        return
    last = max(rows, key=lambda row: row.reviewed_at or row.called_at)
    payment.failure, payment.reviewed_at = last.reason, last.reviewed_at
    payment.review = next((row.review for row in reversed(rows) if row.review), last.review)


def waits() -> ColumnElement[bool]:
    """Whether a payment needs a review that nobody has made, for a query."""
    return (Payment.state == PaymentState.NEEDS_REVIEW) & Payment.reviewed_at.is_(None)


def count(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(Payment).where(waits())) or 0


def covers(session: Session, payment: Payment, intent_id: str) -> bool:
    """Whether a review has dealt with this charge of a payment."""
    row = find(session, payment, intent_id)
    return row is not None and row.reviewed_at is not None


def name_of(row: Review) -> str:
    """What Stripe's dashboard calls it."""
    return row.payment_intent_id or row.stripe_id
