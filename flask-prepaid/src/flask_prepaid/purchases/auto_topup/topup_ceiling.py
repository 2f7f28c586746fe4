"""What top-ups have charged in a calendar month, and what its ceiling leaves for one more."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from ... import money
from ...context import Context
from ...payments import tax_rates
from ...payments.models import Payment, PaymentState, TopUp, Via

#: What came of a top-up in one of these is not known: another one could charge twice.
UNKNOWN = (PaymentState.REQUESTED, PaymentState.PENDING, PaymentState.UNKNOWN)


def room_minor(context: Context, row: TopUp) -> int:
    """What the month's ceiling leaves for one charge, tax and all."""
    begun = begun_this_month(context, row.owner, row.currency)
    return min(max(row.ceiling_minor - begun, 0), money.max_charge_minor(row.currency))


def begun_this_month(context: Context, owner: str, currency: str) -> int:
    """What top-ups have charged in this calendar month, UTC, or may still charge, in the smallest unit.

    Tax is in it; of what is not charged yet, as much as the owner's last purchase had.
    """
    start, rate = month_of(context.clock()), tax_rates.last(context, owner)
    may_still = Payment.state.in_((*UNKNOWN, PaymentState.OPEN, PaymentState.NEEDS_REVIEW))
    counts = or_(
        (Payment.state == PaymentState.PAID) & (Payment.paid_at >= start),
        may_still & (Payment.created_at >= start),
    )
    begun = context.session.scalars(_topups(owner, currency).where(counts))
    return sum(tax_rates.total_of(payment, rate) for payment in begun)


def charged_this_month(session: Session, owner: str, currency: str, now: datetime) -> int:
    """What top-ups have charged in this calendar month, UTC, tax and all, in the smallest unit."""
    paid = (Payment.state == PaymentState.PAID) & (Payment.paid_at >= month_of(now))
    return sum(payment.paid_minor or 0 for payment in session.scalars(_topups(owner, currency).where(paid)))


def _topups(owner: str, currency: str) -> Select[Payment]:
    mine = Payment.owner == owner, Payment.via == Via.TOPUP, Payment.currency == currency
    return select(Payment).where(*mine)


def month_of(now: datetime) -> datetime:
    """When the calendar month began, UTC."""
    return now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
