"""Disputes: a bank takes a payment's money back, and its credits go; they come again when the dispute is won.

Each dispute is one key in the ledger, so its events may come in any order, with copies.
"""

from __future__ import annotations

from functools import partial

from sqlalchemy import select, text

from ....context import Context, Write, nothing, transaction
from ....gateway.money_back.money_back_values import StripeDispute
from ....payments import part_charges, payments
from ....payments.dispute_states import TAKES_NOTHING
from ....payments.models import Dispute, Payment, PaymentState
from ....payments.outcome import wrong_charges
from ....payments.part_charges import is_of_its_charge
from ... import settling, stop_reasons
from ...auto_topup import topups
from .. import unnamed_charges
from ..taking_back import take_back
from . import disputed_plans, disputes


def sync_dispute(context: Context, dispute_id: str) -> Write[None]:
    """Fetch a dispute; what is returned takes back, or gives back, the credits. Commits."""
    dispute = context.gateway.disputes.fetch(dispute_id)
    if dispute is None:
        return nothing
    settling.settle_first(context, dispute.intent_id)
    return partial(apply_dispute, context, unnamed_charges.with_key(context, dispute))


def apply_dispute(context: Context, dispute: StripeDispute) -> None:
    """Move credits as a fetched dispute says, unless a later fetch has.

    An inquiry takes nothing, but stops what charges by itself, as the first word of any dispute does. Opened
    and withdrawn are two events of one loss. Its amount may change, and a dispute that was won may be lost in
    the end.
    """
    session = context.session
    payment = find_payment(context, dispute)
    if payment is None:
        return
    payments.lock(session, payment)
    row = session.get(Dispute, dispute.id, populate_existing=True)
    if row is not None and row.fetched_at > dispute.asked_at:
        return
    is_news = row is None
    row = row or Dispute(
        id=dispute.id,
        payment_id=payment.id,
        payment_intent_id=dispute.intent_id,
        created_at=dispute.created_at,
        taken_minor=0,
        taken_once=0,
        takes=0,
    )
    row.amount_minor, row.state = dispute.amount_minor, dispute.status
    row.reason, row.evidence_due_at = dispute.reason[:64], dispute.evidence_due_at
    row.fetched_at = dispute.asked_at
    session.add(row)
    if is_news:
        disputed_plans.note(row, payment)
    _take(context, payment, row)
    if is_news:
        topups.stop_after(context, payment, stop_reasons.DISPUTED)  # after the wallet: so does each refund


def find_payment(context: Context, dispute: StripeDispute) -> Payment | None:
    """Our payment of a dispute: kept with it, paid by its charge, as agreed or not, or named by that."""
    session, intent_id = context.session, dispute.intent_id
    kept = select(Payment).join(Dispute, Dispute.payment_id == Payment.id).where(Dispute.id == dispute.id)
    payment = session.scalar(kept)
    if payment is None and intent_id is not None:
        payment = settling.paid_by(session, intent_id) or wrong_charges.payment_of(session, intent_id)
    return payment or settling.named_by(context, dispute)


def _take(context: Context, payment: Payment, row: Dispute) -> None:
    """Take the credits of what the bank has, or give them again.

    What needs a review has given none: they are taken once somebody gives them.
    """
    is_paid = payment.state is PaymentState.PAID
    gave = is_paid and part_charges.is_of(context.session, payment, row.payment_intent_id)
    amount_minor = row.amount_minor if gave and row.takes_money else 0
    reason = f"the dispute is {row.state}" if row.taken_minor else "disputed"
    take_back(context, payment, row, disputes.name_of(row), amount_minor, reason)


def untaken(context: Context, *, limit: int = 100) -> list[str]:
    """The disputes that were heard of before their payment gave its credits, and have those to take."""
    given = Payment.state == PaymentState.PAID, is_of_its_charge()
    waiting = select(Dispute.id).join(Payment, Payment.id == Dispute.payment_id).where(*given)
    takes = text("taken_minor = 0"), Dispute.amount_minor > 0, Dispute.state.not_in(TAKES_NOTHING)
    return list(context.session.scalars(waiting.where(*takes).order_by(Dispute.id).limit(limit)))


def take(context: Context, dispute_id: str) -> None:
    """Take the credits of a dispute that was heard of before its payment gave them. Commits."""
    with transaction(context) as session:
        row = session.get_one(Dispute, dispute_id)
        payment = session.get_one(Payment, row.payment_id)
        payments.lock(session, payment)
        session.refresh(row)
        _take(context, payment, row)
