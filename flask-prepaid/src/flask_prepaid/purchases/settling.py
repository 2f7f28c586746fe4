"""What came of a purchase: it is settled by whichever door comes first."""

from __future__ import annotations

from functools import partial

from sqlalchemy.orm import Session

from ..context import Context, Write, nothing, reading, write_now
from ..gateway.billing.invoice_values import StripeInvoice
from ..gateway.money_back.money_back_values import StripeDispute, StripeWarning
from ..payments import payments
from ..payments.models import Payment, PaymentState, Via
from ..payments.outcome import applying, comparison
from ..payments.outcome.comparison import Fetched
from ..subscriptions import sync
from . import by_invoice


def settle(context: Context, fetched: Fetched) -> Payment | None:
    """Give what a paid page or a paid charge bought, once; its payment, or ``None`` if it is none of ours.

    All doors lead here, the webhook and the browser's return among them, in any order and any number of
    times. Stripe was asked before, so that no lock waits on it.
    """
    payment = payments.find(context.session, key=fetched.payment_key, stripe_id=fetched.id)
    if payment is not None:
        applying.apply(context, payment, fetched)
    return payment


def sync_checkout(context: Context, session_id: str) -> Write[Payment | None]:
    """Fetch a Checkout Session; what is returned settles it."""
    checkout = context.gateway.checkout.fetch(session_id)
    return partial(settle, context, checkout) if checkout is not None else nothing


def sync_intent(context: Context, intent_id: str) -> Write[Payment | None]:
    """Fetch a PaymentIntent, and its page if it was paid on one; what is returned settles it. Commits."""
    intent = context.gateway.charges.fetch(intent_id)
    if intent is None:
        return nothing
    with reading(context) as session:
        payment = payments.find(session, key=intent.payment_key, stripe_id=intent.id)
        via = payment.via if payment is not None else None
    if via is not Via.CHECKOUT and intent.invoice_id is not None:
        return sync_billed(context, intent.invoice_id)
    if via is not Via.CHECKOUT:
        return partial(settle, context, intent) if via is not None else nothing
    checkout = context.gateway.checkout.of_intent(intent_id)
    return partial(settle, context, checkout) if checkout is not None else nothing


def settle_first(context: Context, intent_id: str | None) -> None:
    """Settle the payment of a PaymentIntent, if it is not yet: what is taken back came in first. Commits."""
    with reading(context) as session:
        is_settled = intent_id is None or paid_by(session, intent_id) is not None
    if intent_id is not None and not is_settled:
        payment = write_now(context, sync_intent(context, intent_id))
        if payment is None:
            write_now(context, sync.sync_intent(context, intent_id))


def named_by(context: Context, about: StripeDispute | StripeWarning) -> Payment | None:
    """The payment that a disputed or suspected charge names, if the charge is that customer's.

    Another charge may have paid it: a customer can pay twice, or at another price first. They may be gone.
    """
    payment = payments.find(context.session, key=about.payment_key)
    is_its = payment is not None and comparison.is_customers(context, payment, about.customer_id)
    return payment if is_its else None


def paid_by(session: Session, intent_id: str | None) -> Payment | None:
    """Our payment behind a PaymentIntent, if it is paid."""
    payment = payments.find(session, stripe_id=intent_id)
    return payment if payment is not None and payment.state is PaymentState.PAID else None


def sync_billed(context: Context, invoice_id: str) -> Write[Payment | None]:
    """Fetch the invoice of a charged card; what is returned settles it."""
    billed = by_invoice.fetch(context, invoice_id)
    return partial(settle, context, billed) if billed is not None else nothing


def sync_invoice(context: Context, invoice: StripeInvoice) -> Write[object]:
    """What to write of an invoice that bills no plan: that of a charged card, or one that Checkout has made.

    Commits.
    """
    with reading(context) as session:
        payment = payments.find(session, key=invoice.payment_key, stripe_id=invoice.id)
        via = payment.via if payment is not None else None
    if via in (Via.CARD, Via.TOPUP):
        return sync_billed(context, invoice.id)
    return partial(note_invoice, context, invoice)


def note_invoice(context: Context, invoice: StripeInvoice) -> None:
    """Note the invoice that Stripe made of a purchase, a little after it was paid."""
    payment = payments.find(context.session, key=invoice.payment_key)
    if payment is not None:
        payments.lock(context.session, payment, invoice_id=invoice.id, invoice_number=invoice.number)
