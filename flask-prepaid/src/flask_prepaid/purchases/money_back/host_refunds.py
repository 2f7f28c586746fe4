"""A host's code sends money back: an amount, or what so many credits cost."""

from __future__ import annotations

from prepaid_ledger import is_whole
from prepaid_ledger.errors import NothingToReverse

from ... import checks, money
from ...context import Context, refuse_uncommitted
from ...languages import units
from ...payments import payments, wishes
from ...payments.models import Payment, Refund
from . import refundable, refunds


def refund(
    context: Context,
    payment: Payment | int,
    amount_minor: int | None,
    credits: int | None,
    *,
    charge: str | None,
    reason: str,
    key: str | None,
) -> Refund:
    """Send money of a payment back to its card: an amount, or what so many credits cost. Commits."""
    if amount_minor is not None and credits is not None:
        raise ValueError("Name amount_minor or credits, one of the two.")
    for name, number in (("amount_minor", amount_minor), ("credits", credits)):
        if number is not None and not is_whole(number, 1, checks.MAX_ID):
            raise ValueError(f"{name} is {number!r}. Write a whole number from 1 on.")
    if charge is not None and not checks.words("charge", charge).strip():
        raise ValueError("charge is empty. Write the id of a PaymentIntent, or leave it out.")
    if reason is None or not checks.words("reason", reason).strip():
        raise ValueError("reason is empty. Write why money goes back; it stays on the record.")
    wish = wishes.of_verb(key)
    refuse_uncommitted(context)
    payment_id = payment.id if isinstance(payment, Payment) else payment
    if not is_whole(payment_id, 1, checks.MAX_ID):
        raise ValueError(
            f"payment is {payment!r}. Give one of prepaid.payments(owner), or its id, a whole number."
        )
    if credits is not None:
        amount_minor = _worth_minor(context, payment_id, credits)
    return refunds.refund(
        context, payment_id, amount_minor=amount_minor, charge=charge, reason=reason, key=wish
    )


def _worth_minor(context: Context, payment_id: int, credits: int) -> int:
    """What so many credits of a payment cost, rounded down to what Stripe takes.

    :raises NothingToReverse: There is no such payment, or it brought fewer; or they cost nothing.
    """
    payment = refundable.payment_of(context.session, payment_id)
    if credits > payment.credits:
        bought = units.credits(payment.credits)
        raise NothingToReverse(f"Payment {payment_id} brought {bought}, not {units.number(credits)}.")
    step = money.step(payment.currency)
    worth = payments.cost_minor(payment) * credits // payment.credits // step * step
    if not worth:
        raise NothingToReverse(f"{units.credits(credits)} of payment {payment_id} cost nothing.")
    return worth
