"""Early fraud warnings: what a card's bank suspects, before it disputes. A refund in time spares the dispute.

https://docs.stripe.com/radar/early-fraud-warnings
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select, text, union
from sqlalchemy.orm import Session

from ... import signals
from ...context import Context, Write, nothing, reading
from ...gateway.money_back.refund_values import StripeWarning
from ...payments import part_charges, payments
from ...payments.dispute_states import TAKES_NOTHING
from ...payments.models import NOT_REFUNDED, Dispute, PartCharge, Payment, PaymentState, Refund, RefundState
from ...payments.outcome import wrong_charges
from ...payments.part_charges import is_of_its_charge
from .. import settling, stop_reasons
from ..auto_topup import topups
from . import disputed_plans, refundable, refunds, unnamed_charges
from .models import FraudWarning

#: Why the money went back, as it stands with the refund.
REASON = "An early fraud warning of the card's bank"

#: How long a refund that Stripe refused waits for the next one. After the last, a person has to look.
BACK_OFF = (timedelta(hours=1), timedelta(hours=6), *[timedelta(days=1)] * 5)

#: The refunds of a charge that were to answer its warning.
_MINE = (
    Refund.payment_id == FraudWarning.payment_id,
    Refund.payment_intent_id == FraudWarning.payment_intent_id,
    Refund.reason == REASON,
)


def sync(context: Context, warning_id: str) -> Write[None]:
    """Fetch a warning; what is returned keeps it. Commits."""
    warning = context.gateway.fraud_warnings.fetch(warning_id)
    if warning is None:
        return nothing
    settling.settle_first(context, warning.intent_id)
    return partial(apply, context, unnamed_charges.with_key(context, warning))


def apply(context: Context, warning: StripeWarning) -> None:
    """Keep what was fetched, unless a later fetch is kept. Its first word stops what charges by itself."""
    session = context.session
    payment = find_payment(context, warning)
    if payment is None:
        return
    payments.lock(session, payment)
    row = session.get(FraudWarning, warning.id, populate_existing=True)
    if row is not None and row.fetched_at > warning.asked_at:
        return
    intent_id = warning.intent_id or payment.payment_intent_id
    assert intent_id is not None, "a charge by which a payment is found has a PaymentIntent"
    is_news = row is None
    row = row or FraudWarning(
        id=warning.id, payment_id=payment.id, payment_intent_id=intent_id, created_at=warning.created_at
    )
    row.fraud_type, row.actionable = warning.fraud_type[:64], warning.actionable
    row.fetched_at = warning.asked_at
    session.add(row)
    if is_news:
        topups.stop_after(context, payment, stop_reasons.WARNED)
        disputed_plans.note(row, payment)
        _announce(session, payment, row)


def _announce(session: Session, payment: Payment, row: FraudWarning) -> None:
    is_its = part_charges.is_of(session, payment, row.payment_intent_id)
    signals.after_commit(
        session,
        signals.fraud_warned,
        owner=payment.owner,
        payment_id=payment.id,
        fraud_type=row.fraud_type,
        charge=row.payment_intent_id,
        refundable=is_its and payment.state is PaymentState.PAID,
    )


def find_payment(context: Context, warning: StripeWarning) -> Payment | None:
    """Our payment of a warning: kept with it, paid by its charge, as agreed or not, or named by that."""
    session, intent_id = context.session, warning.intent_id
    of_warning = FraudWarning.payment_id == Payment.id
    kept = select(Payment).join(FraudWarning, of_warning).where(FraudWarning.id == warning.id)
    payment = session.scalar(kept) or payments.find(session, stripe_id=intent_id)
    payment = payment or payments.find(session, stripe_id=warning.charge_id)
    if payment is None and intent_id is not None:
        payment = wrong_charges.payment_of(session, intent_id)
    return payment or settling.named_by(context, warning)


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
    return exists().where(*_MINE, Refund.state.in_(NOT_REFUNDED))


def _is_time(context: Context) -> ColumnElement[bool]:
    """Whether no refund was asked for yet, or Stripe refused the last one long enough ago.

    What a bank could not pay out is not asked for again: it could not pay out that, either.
    """
    tries = select(func.count()).where(*_MINE).correlate(FraudWarning).scalar_subquery()
    last = select(func.max(Refund.created_at)).where(*_MINE).correlate(FraudWarning).scalar_subquery()
    was_sent = exists().where(*_MINE, Refund.state != RefundState.REFUSED)
    now = context.clock()
    again = [and_(tries == number, last <= now - wait) for number, wait in enumerate(BACK_OFF, 1)]
    return and_(~was_sent, or_(tries == 0, *again))


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


def due(context: Context, *, limit: int = 100) -> list[str]:
    """The warnings that are answered by a refund without being asked, by PREPAID_REFUND_FRAUD_WARNINGS.

    What Stripe refuses, as where the balance there is too low, is asked for again for some days.
    """
    if not context.config.refund_fraud_warnings:
        return []
    wanted = unanswered().where(_is_time(context)).with_only_columns(FraudWarning.id)
    return list(context.session.scalars(wanted.limit(limit)))


def answer(context: Context, warning_id: str) -> None:
    """Refund all that is left of the suspected charge, if it is time to. Commits.

    Other charges that have paid the same invoice stay: nobody suspects them. Each try has a key of its own:
    under one key Stripe repeats its refusal. What a credit note has given is refunded, too: the bank disputes
    whatever it has not got back.

    :raises NothingToReverse: A bank has taken it back meanwhile, or nothing is left of it.
    :raises GatewayRefused: Stripe refuses. Nothing was sent.
    :raises GatewayUnavailable: It is not known yet; ``tick`` finds out.
    """
    with reading(context) as session:
        wanted = unanswered().where(FraudWarning.id == warning_id, _is_time(context))
        warning = session.scalar(wanted)
        if warning is None:
            return
        payment_id, charge = warning.payment_id, warning.payment_intent_id
        left_minor = refundable.left_to_refund(session, session.get_one(Payment, payment_id), charge)
        tries = session.scalar(select(func.count()).where(*_MINE, FraudWarning.id == warning.id))
    key = f"job:warning-{warning_id}-{tries}"
    refunds.refund(context, payment_id, amount_minor=left_minor, charge=charge, reason=REASON, key=key)
