"""The tax in what a payment brought, and in what goes back of it, in the currency of Stripe's balance."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ..payments.models import Payment
from .models import Movement

#: Movements that take the money of a charge back, or give it again.
BACK = (
    *("refund", "partial_capture_reversal", "refund_failure"),
    *("dispute", "dispute_reversal"),
)


def put(session: Session, moved: Movement, payment: Payment, charged_minor: int | None) -> None:
    """Give a movement of a payment its discount and its tax.

    What goes back takes its share of the tax along, rounded by all that went back so far: all parts together
    take all of it.

    :param charged_minor: What the payment's charge brought in the balance's currency, if it is copied.
    """
    brought = payment.paid_minor or 0 if charged_minor is None else charged_minor
    if moved.category == "charge":
        moved.discount_minor = _converted(payment.discount_minor, payment, moved.currency, brought)
        moved.tax_minor = _converted(payment.tax_minor, payment, moved.currency, brought)
    elif moved.category in BACK and brought > 0:
        session.flush()
        others = select(func.sum(Movement.amount_minor)).where(
            Movement.payment_id == payment.id, Movement.category.in_(BACK), Movement.id != moved.id
        )
        before = -int(session.scalar(others) or 0)
        tax = _converted(payment.tax_minor, payment, moved.currency, brought)
        moved.tax_minor = _share(tax, before, brought) - _share(tax, before - moved.amount_minor, brought)


def _share(tax: int, back: int, brought: int) -> int:
    """The part of the tax in what went back so far, which is no more than was brought."""
    return tax * min(max(back, 0), brought) // brought


def _converted(minor: int, payment: Payment, currency: str, brought: int) -> int:
    """An amount of the payment in the currency of Stripe's balance, by what the whole of it has become."""
    if currency == payment.currency or not payment.charged_minor:
        return minor
    return (2 * minor * brought + payment.charged_minor) // (2 * payment.charged_minor)
