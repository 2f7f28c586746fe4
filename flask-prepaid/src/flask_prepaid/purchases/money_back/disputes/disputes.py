"""Disputes as they stand: what a bank has by them, and which can still be answered."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from ....payments.dispute_states import TAKES_NOTHING, WANTS_EVIDENCE
from ....payments.models import Dispute, PartCharge, Payment
from ....payments.part_charges import is_of_its_charge


def name_of(dispute: Dispute) -> str:
    """Its name in the ledger's keys."""
    return f"dispute:{dispute.id}"


def taken_by_bank(session: Session, payment_ids: Sequence[int]) -> dict[int, Dispute]:
    """Which of these payments a bank has taken back, as things stand, and by which dispute.

    Of a payment that several charges have brought, it has each of them.
    """
    disputes = in_force(session, payment_ids)
    taken = [dispute.payment_intent_id for dispute in disputes]
    other_charges = select(PartCharge.payment_id).where(
        PartCharge.payment_id.in_(payment_ids), PartCharge.payment_intent_id.not_in(taken)
    )
    not_whole = set(session.scalars(other_charges)) if taken else set()
    return {dispute.payment_id: dispute for dispute in disputes if dispute.payment_id not in not_whole}


def in_force(session: Session, payment_ids: Sequence[int]) -> list[Dispute]:
    """The disputes by which a bank has the money of these payments, as things stand, the first first."""
    taken = select(Dispute).join(Payment, Payment.id == Dispute.payment_id).where(is_of_its_charge())
    taken = taken.where(Dispute.payment_id.in_(payment_ids), Dispute.state.not_in(TAKES_NOTHING))
    return list(session.scalars(taken.order_by(Dispute.created_at)))


def of_charges_at_bank(session: Session, intent_ids: Collection[str]) -> dict[str, Dispute]:
    """Which of these charges a bank has taken back, whatever they have paid, and by which dispute.

    As long as that stands Stripe refunds nothing of them.
    """
    taken = Dispute.payment_intent_id.in_(intent_ids), Dispute.state.not_in(TAKES_NOTHING)
    rows = session.scalars(select(Dispute).where(*taken).order_by(Dispute.created_at))
    return {dispute.payment_intent_id: dispute for dispute in rows}


def to_answer(
    session: Session, now: datetime, *, owner: str | None = None, limit: int = 100
) -> list[tuple[Dispute, Payment]]:
    """The disputes that can still be answered, what is due first first; of all owners, or of one."""
    first = Dispute.evidence_due_at.is_(None), Dispute.evidence_due_at, Dispute.id
    waiting = _waiting(now).order_by(*first).limit(limit)
    mine = waiting if owner is None else waiting.where(Payment.owner == owner)
    return [(dispute, payment) for dispute, payment in session.execute(mine)]


def count_to_answer(session: Session, now: datetime) -> int:
    """How many disputes can still be answered, of which a list has the first."""
    return session.scalar(_waiting(now).with_only_columns(func.count())) or 0


def _waiting(now: datetime) -> Select[Dispute, Payment]:
    """The disputes whose bank waits for evidence, and whose last day for it has not passed."""
    in_time = or_(Dispute.evidence_due_at.is_(None), Dispute.evidence_due_at > now)
    return (
        select(Dispute, Payment)
        .join(Payment, Payment.id == Dispute.payment_id)
        .where(Dispute.state.in_(WANTS_EVIDENCE), in_time)
    )
