"""What Stripe says of an early fraud warning is kept; its first word stops what charges by itself."""

from __future__ import annotations

from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from .... import signals
from ....context import Context, Write, nothing
from ....gateway.money_back.money_back_values import StripeWarning
from ....payments import part_charges, payments
from ....payments.models import Payment, PaymentState
from ....payments.outcome import wrong_charges
from ... import settling, stop_reasons
from ...auto_topup import topups
from .. import unnamed_charges
from ..models import FraudWarning
from . import disputed_plans


def sync(context: Context, warning_id: str) -> Write[None]:
    """Fetch a warning; what is returned keeps it. Commits."""
    warning = context.gateway.fraud_warnings.fetch(warning_id)
    if warning is None:
        return nothing
    settling.settle_first(context, warning.intent_id)
    return partial(apply, context, unnamed_charges.with_key(context, warning))


def apply(context: Context, warning: StripeWarning) -> None:
    """Keep what was fetched, unless a later fetch is kept."""
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
