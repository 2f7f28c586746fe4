"""What Stripe says of a refund moves credits: they go when the money goes, and come again when it fails.

Each refund is one key in the ledger, so its events may come in any order, with copies. A payment is settled
before anything of it is taken back.
"""

from __future__ import annotations

from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from prepaid_ledger.database import insert

from ... import signals
from ...context import Context, Write, nothing
from ...gateway.money_back.money_back_values import StripeRefund
from ...payments import payments
from ...payments.models import NOT_REFUNDED, Payment, Refund
from .. import settling
from . import refund_keys, refundable
from .taking_back import take_back


def sync_refund(context: Context, refund_id: str) -> Write[None]:
    """Fetch a refund; what is returned takes back, or gives back, the credits. Commits."""
    answer = context.gateway.refunds.fetch(refund_id)
    if answer is None:
        return nothing
    settling.settle_first(context, answer.intent_id)
    return partial(apply_refund, context, answer)


def sync_refunds_of(context: Context, charge_id: str) -> Write[None]:
    """Fetch every refund of a charge; what is returned takes back, or gives back, the credits. Commits."""
    refunds = context.gateway.refunds.of_charge(charge_id)
    for answer in refunds:
        settling.settle_first(context, answer.intent_id)

    def write() -> None:
        for answer in refunds:
            apply_refund(context, answer)

    return write


def apply_refund(context: Context, refund: StripeRefund) -> None:
    """Move credits as a fetched refund says, unless a later fetch has."""
    session = context.session
    payment = settling.paid_by(session, refund.intent_id)
    if payment is None:
        return
    payments.lock(session, payment)
    row = _row_of(session, payment, refund)
    if row.fetched_at is not None and row.fetched_at > refund.asked_at:
        return
    row.stripe_id, row.state, row.amount_minor = refund.id, refund.status, refund.amount_minor
    row.fetched_at, row.check_at = refund.asked_at, None
    session.flush()
    payment.refunded_minor = refundable.refunded_minor(session, [payment.id]).total()
    amount_minor = 0 if row.state in NOT_REFUNDED else refund.amount_minor
    before = row.taken_minor
    reason = f"the refund is {row.state}" if before else "refunded"
    take_back(context, payment, row, f"refund:{refund.id}", amount_minor, reason)
    if bool(before) is not bool(amount_minor):
        signals.after_commit(
            session,
            signals.payment_refunded if amount_minor else signals.refund_failed,
            owner=payment.owner,
            payment_id=payment.id,
            refund_id=row.id,
            amount_minor=row.amount_minor,
        )


def _row_of(session: Session, payment: Payment, refund: StripeRefund) -> Refund:
    """The refund's row: asked for here, heard of before, or new from Stripe's dashboard.

    One wish has one refund, of one charge: any other with its key in the metadata is a refund like those of
    the dashboard. Whoever has the Stripe key can write a key of ours there.
    """
    named = refund.refund_key or ""
    is_ours = refund_keys.is_ours(payment.id, named)
    row = _row_under(session, payment, refund, named if is_ours else refund.id)
    is_its_own = row.payment_intent_id == refund.intent_id and row.stripe_id in (None, refund.id)
    return row if is_its_own else _row_under(session, payment, refund, refund.id)


def _row_under(session: Session, payment: Payment, refund: StripeRefund, key: str) -> Refund:
    """The row with this key, which is written if there is none."""
    values = {
        "payment_id": payment.id,
        "payment_intent_id": refund.intent_id,
        "amount_minor": refund.amount_minor,
        "state": refund.status,
        "idempotency_key": key,
        "stripe_id": refund.id,
        "created_at": refund.created_at,
        "taken_minor": 0,
        "taken_once": 0,
        "takes": 0,
    }
    session.execute(insert(session, Refund).values(values).on_conflict_do_nothing())
    same = select(Refund).where(Refund.idempotency_key == key)
    return session.scalars(same.execution_options(populate_existing=True)).one()
