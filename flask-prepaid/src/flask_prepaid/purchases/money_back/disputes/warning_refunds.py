"""Early fraud warnings are answered by a refund, in time to spare the dispute.

https://docs.stripe.com/radar/early-fraud-warnings
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import ColumnElement, and_, exists, func, or_, select

from ....context import Context, reading
from ....payments.models import Payment, Refund, RefundState
from .. import refundable, refunds
from ..models import FraudWarning
from .fraud_warnings import ANSWERS, REASON, unanswered

#: How long a refund that Stripe refused waits for the next one. After the last, a person has to look.
BACK_OFF = (timedelta(hours=1), timedelta(hours=6), *[timedelta(days=1)] * 5)


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
        tries = session.scalar(select(func.count()).where(*ANSWERS, FraudWarning.id == warning.id))
    key = f"job:warning-{warning_id}-{tries}"
    refunds.refund(context, payment_id, amount_minor=left_minor, charge=charge, reason=REASON, key=key)


def _is_time(context: Context) -> ColumnElement[bool]:
    """Whether no refund was asked for yet, or Stripe refused the last one long enough ago.

    What a bank could not pay out is not asked for again: it could not pay out that, either.
    """
    tries = select(func.count()).where(*ANSWERS).correlate(FraudWarning).scalar_subquery()
    last = select(func.max(Refund.created_at)).where(*ANSWERS).correlate(FraudWarning).scalar_subquery()
    was_sent = exists().where(*ANSWERS, Refund.state != RefundState.REFUSED)
    now = context.clock()
    again = [and_(tries == number, last <= now - wait) for number, wait in enumerate(BACK_OFF, 1)]
    return and_(~was_sent, or_(tries == 0, *again))
