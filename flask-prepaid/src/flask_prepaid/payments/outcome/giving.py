"""Giving what a paid payment bought, and writing down the money that came for it."""

from __future__ import annotations

from datetime import datetime, timedelta

from prepaid_ledger import clock

from ... import signals
from ...context import Context
from ...gateway.billing.invoice_charge_values import InvoiceCharge
from ...gateway.values import Checkout
from .. import earlier_money, part_charges
from ..customers import removal
from ..models import Payment, PaymentState, Via
from .comparison import Fetched, intent_of

#: A charge that is heard of so much later was paid when Stripe says, and not now.
HEARD_LATE = timedelta(days=1)


def give(context: Context, payment: Payment, fetched: Fetched, *, paid_minor: int) -> None:
    """Give what a payment bought; its row is paid from now on. The caller holds the payment's lock."""
    now = context.clock()
    paid_at = _paid_at(payment, fetched, now)  # by the state in which it has waited
    context.ledger.purchase(
        payment.owner,
        payment.credits,
        key=f"payment:{payment.id}",
        amount_minor=paid_minor,
        tax_minor=max(0, min(payment.tax_minor, paid_minor)),
        currency=payment.currency,
        expires_at=now + timedelta(seconds=payment.expires_after_s) if payment.expires_after_s else None,
    )
    was_reviewed = payment.state is PaymentState.NEEDS_REVIEW
    payment.state = PaymentState.PAID
    payment.paid_minor = paid_minor
    payment.charged_minor = _charged(payment, fetched, paid_minor)
    payment.paid_at = paid_at
    payment.failure = None
    # Events of what went back of it in a review have found nothing that is paid.
    payment.check_at = clock.wall() if was_reviewed else None
    if isinstance(fetched, InvoiceCharge):
        earlier_money.note_balance(context.session, payment, fetched)
        part_charges.write_down(context.session, payment, fetched.charges)
    removal.reopen(context.session, payment.owner, payment.created_at)
    signals.after_commit(context.session, signals.payment_paid, owner=payment.owner, payment_id=payment.id)
    bought = {"owner": payment.owner, "payment_id": payment.id, "credits": payment.credits}
    signals.after_commit(context.session, signals.credits_added, **bought)
    if payment.via is Via.TOPUP:
        signals.after_commit(context.session, signals.topup_done, **bought)


def _paid_at(payment: Payment, fetched: Fetched, now: datetime) -> datetime:
    """When it was paid: now, or as Stripe says where that is heard of late, as in books from a backup."""
    at_stripe = _paid_at_stripe(payment, fetched)
    return now if at_stripe is None or now - at_stripe < HEARD_LATE else at_stripe


def _paid_at_stripe(payment: Payment, fetched: Fetched) -> datetime | None:
    """When it was paid, as far as Stripe says. A page that had nothing to charge does not outlive its day.

    What is pending may be charged before it is paid: of one that we wait for, the charge does not say when.
    """
    if isinstance(fetched, InvoiceCharge):
        return fetched.paid_at or fetched.final_at
    intent = intent_of(fetched)
    if intent is not None:
        return None if payment.state is PaymentState.PENDING else intent.charged_at
    return fetched.created_at if isinstance(fetched, Checkout) else None


def _charged(payment: Payment, fetched: Fetched, paid_minor: int) -> int:
    """What of it a charge brought. An invoice may be paid from the customer's balance, or pay its debts."""
    if isinstance(fetched, InvoiceCharge):
        return min(fetched.charged_minor, paid_minor)
    return paid_minor if payment.payment_intent_id else 0
