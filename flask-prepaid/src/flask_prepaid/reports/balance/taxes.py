"""The tax in what a payment brought, and in what goes back of it, in the currency of Stripe's balance."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ...payments.models import Payment
from ..models import Movement

#: Movements that take the money of a charge back, or give it again.
BACK = (
    *("refund", "partial_capture_reversal", "refund_failure", "charge_failure"),
    *("dispute", "dispute_reversal"),
)


@dataclass(frozen=True)
class ChargeMoney:
    """What a payment's charge brought: in the currency of the payment, and in that of Stripe's balance."""

    original_minor: int
    amount_minor: int
    currency: str


def put(session: Session, moved: Movement, payment: Payment, sale: ChargeMoney | None) -> None:
    """Give a movement of a payment its discount and its tax.

    What goes back takes its share of the tax along, by the rate of the sale, whatever a currency costs since:
    all parts together take all of the tax that the sale is counted with.

    :param sale: The payment's charge, if it is copied.
    """
    if moved.category == "charge":
        sale = ChargeMoney(moved.original_minor, moved.amount_minor, moved.currency)
        moved.discount_minor = _converted(payment.discount_minor, sale)
        moved.tax_minor = _converted(payment.tax_minor, sale)
    elif moved.category in BACK:
        session.flush()
        others = select(func.sum(Movement.original_minor)).where(
            Movement.payment_id == payment.id, Movement.category.in_(BACK), Movement.id != moved.id
        )
        before, now = -int(session.scalar(others) or 0), -moved.original_minor
        sale = sale or ChargeMoney(payment.charged_minor, payment.charged_minor, payment.currency)
        if sale.currency != moved.currency:  # the account has a balance in another currency since
            sale = ChargeMoney(sale.original_minor, _now(sale.original_minor, moved), moved.currency)
        tax, brought = _converted(payment.tax_minor, sale), sale.original_minor
        moved.tax_minor = _share(tax, before, brought) - _share(tax, before + now, brought)


def _share(tax: int, back: int, brought: int) -> int:
    """The part of the tax in what went back so far, which is no more than was brought."""
    return tax * min(max(back, 0), brought) // brought if brought > 0 else 0


def _converted(minor: int, sale: ChargeMoney) -> int:
    """An amount of the payment in the currency of Stripe's balance, by what the whole of it has become."""
    if sale.original_minor in (0, sale.amount_minor):
        return minor
    return (2 * minor * sale.amount_minor + sale.original_minor) // (2 * sale.original_minor)


def _now(minor: int, moved: Movement) -> int:
    """What an amount of the payment is by the rate of a movement."""
    return minor * moved.amount_minor // moved.original_minor if moved.original_minor else minor
