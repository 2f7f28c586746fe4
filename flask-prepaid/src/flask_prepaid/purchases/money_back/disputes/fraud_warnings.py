"""Early fraud warnings: what a card's bank suspects, before it disputes, and which can be answered."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select, text, union
from sqlalchemy.orm import Session

from ....payments.dispute_states import TAKES_NOTHING
from ....payments.models import NOT_REFUNDED, Dispute, PartCharge, Payment, PaymentState, Refund
from ....payments.part_charges import is_of_its_charge
from ..models import FraudWarning

#: Why the money went back, as it stands with the refund.
REASON = "An early fraud warning of the card's bank"

#: The refunds of a charge that were to answer its warning.
ANSWERS = (
    Refund.payment_id == FraudWarning.payment_id,
    Refund.payment_intent_id == FraudWarning.payment_intent_id,
    Refund.reason == REASON,
)


def unanswered() -> Select[FraudWarning]:
    """The warnings that a refund here still answers, the oldest first.

    Their charge has brought credits, and has money left that no bank has taken.
    """
    return _actionable().where(_brought_credits(), _has_money_left())


def without_credits() -> Select[FraudWarning]:
    """The warnings of charges that have brought no credits, the oldest first.

    Their payment is in review, or another charge has paid it, and no bank has them. Whoever refunds them does
    so in Stripe's dashboard: a refund of the payment would send back what nobody suspects.
    """
    of_charge = Dispute.payment_intent_id == FraudWarning.payment_intent_id
    is_at_bank = exists().where(of_charge, Dispute.state.not_in(TAKES_NOTHING)).correlate(FraudWarning)
    return _actionable().where(or_(Payment.payment_intent_id.is_(None), ~_brought_credits()), ~is_at_bank)


def _actionable() -> Select[FraudWarning]:
    return (
        select(FraudWarning)
        .select_from(FraudWarning)
        .join(Payment, Payment.id == FraudWarning.payment_id)
        .where(text("actionable"))
        .order_by(FraudWarning.created_at, FraudWarning.id)
    )


def _brought_credits() -> ColumnElement[bool]:
    return (Payment.state == PaymentState.PAID) & is_of_its_charge(FraudWarning.payment_intent_id)


def _has_money_left() -> ColumnElement[bool]:
    """Whether not all of the suspected charge is refunded, and no bank has taken it.

    Of several charges each has a row with its part; a charge that is alone has brought all.
    """
    charge = FraudWarning.payment_intent_id
    part = select(PartCharge.charged_minor).where(PartCharge.payment_intent_id == charge).scalar_subquery()
    refunded = (
        select(func.coalesce(func.sum(Refund.amount_minor), 0))
        .where(Refund.payment_id == FraudWarning.payment_id, Refund.payment_intent_id == charge)
        .where(Refund.state.not_in(NOT_REFUNDED))
        .scalar_subquery()
    )
    taken = exists().where(Dispute.payment_intent_id == charge, Dispute.state.not_in(TAKES_NOTHING))
    left = func.coalesce(part - refunded, Payment.charged_minor - Payment.refunded_minor)
    return and_(left > 0, ~taken)


def came_to_nothing() -> ColumnElement[bool]:
    """Whether a refund that was to answer a warning was refused, or has failed."""
    return exists().where(*ANSWERS, Refund.state.in_(NOT_REFUNDED))


def of_payment(session: Session, payment_id: int) -> FraudWarning | None:
    """The warning of a payment that a refund still answers."""
    return session.scalars(unanswered().where(FraudWarning.payment_id == payment_id).limit(1)).first()


def of_payment_without_credits(session: Session, payment_id: int) -> Sequence[FraudWarning]:
    """The warnings of charges that name a payment, and have not brought its credits."""
    return session.scalars(without_credits().where(FraudWarning.payment_id == payment_id)).all()


def payments_to_answer(session: Session, limit: int, *, owner: str | None = None) -> Sequence[Payment]:
    """The payments with a warning that still can be answered; of all owners, or of one."""
    both = unanswered(), without_credits()
    ids = [wanted.order_by(None).with_only_columns(Payment.id) for wanted in both]
    warned = select(Payment).where(Payment.id.in_(union(*ids))).order_by(Payment.id).limit(limit)
    return session.scalars(warned if owner is None else warned.where(Payment.owner == owner)).all()


def count(session: Session, *, tried: bool = False) -> int:
    """How many warnings a refund still answers; with ``tried``, those whose refund came to nothing."""
    return _count(session, unanswered().where(came_to_nothing() if tried else ~came_to_nothing()))


def count_without_credits(session: Session) -> int:
    """How many warnings are of charges that have brought no credits."""
    return _count(session, without_credits())


def _count(session: Session, wanted: Select[FraudWarning]) -> int:
    return session.scalar(wanted.order_by(None).with_only_columns(func.count())) or 0
