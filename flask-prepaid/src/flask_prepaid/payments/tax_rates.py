"""What tax comes on top of a price, as far as the customer's own purchases tell: before Stripe is asked.

Stripe finds the tax of each invoice. Ours is what it took last, to show a total and to keep a limit; an
invoice of more than was shown, or than is allowed, is not paid.
"""

from __future__ import annotations

from fractions import Fraction

from sqlalchemy import or_, select

from .. import money
from ..context import Context
from .models import Payment, PaymentState, Via

#: Why an invoice was not paid. It can be read after "because".
ABOVE_MAX = "with its tax it costs more than was agreed"


#: So many of an owner's purchases are compared for the rate of the last.
RECENT = 10


def last(context: Context, owner: str) -> Fraction | None:
    """The tax on top of the owner's last purchase, as a part of its price; ``None`` where none is known.

    The tax of a small price is rounded, so its rate is that of the largest recent purchase which would have
    had the same tax.
    """
    if not context.config.automatic_tax:
        return Fraction(0)
    known = (
        select(Payment)
        .where(Payment.owner == owner, Payment.via != Via.PLAN, Payment.taxed != "")
        .where(Payment.amount_minor > Payment.discount_minor)
        .where(or_(Payment.state == PaymentState.PAID, Payment.failure == ABOVE_MAX))
        .order_by(Payment.id.desc())
        .limit(RECENT)
    )
    recent = context.session.scalars(known).all()
    if not recent:
        return None
    last_price, last_tax, currency = _price(recent[0]), _on_top(recent[0]), recent[0].currency
    rates = [(_price(payment), Fraction(_on_top(payment), _price(payment))) for payment in recent]
    rounding = (0, money.step(currency))
    same = [
        each for each in rates if with_tax(last_price, each[1], currency) - last_price - last_tax in rounding
    ]
    return max(same)[1]


def _price(payment: Payment) -> int:
    """What was to pay before tax: less by what a code took off."""
    return payment.amount_minor - payment.discount_minor


def _on_top(payment: Payment) -> int:
    """The tax that came on top of the price; none where it was in it."""
    if payment.state is not PaymentState.PAID:
        return payment.tax_minor
    total = (payment.paid_minor or 0) + payment.discount_minor
    return min(max(total - payment.amount_minor, 0), payment.tax_minor)


def with_tax(amount_minor: int, rate: Fraction | None, currency: str) -> int:
    """A price with its tax, rounded up to what Stripe takes amounts of this currency in."""
    step = money.step(currency)
    return amount_minor + -(-amount_minor * (rate or 0) // step) * step


def charge_minor(context: Context, payment: Payment) -> int:
    """What a payment that is not paid would charge: as Stripe has said, or else as the last tax makes it."""
    if payment.due_minor is not None:
        return payment.due_minor
    return with_tax(payment.amount_minor, last(context, payment.owner), payment.currency)


def total_of(payment: Payment, rate: Fraction | None) -> int:
    """What a payment has cost, or will, with its tax."""
    if payment.state is PaymentState.PAID:
        return payment.paid_minor or 0
    return with_tax(payment.amount_minor, rate, payment.currency)
