"""What came of a purchase: settled by whichever door comes first, asked again where no event tells."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from sqlalchemy.orm import Session

from ..context import Context, Write, nothing, reading, refuse_uncommitted, transaction, write_now
from ..errors import NotYours
from ..gateway.billing.subscription_values import StripeInvoice
from ..gateway.money_back.refund_values import StripeDispute, StripeWarning
from ..payments import payments, timing
from ..payments.customers.rows import known_customer
from ..payments.models import Payment, PaymentState, Via
from ..payments.outcome import applying, comparison, transitions
from ..payments.outcome.comparison import Fetched
from ..subscriptions import sync
from . import by_invoice, by_key

#: A charge that waits for its owner at the bank is closed after this.
CHALLENGE_LASTS = timedelta(hours=24)


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

    Another charge may have paid it: a customer can pay twice, or at another price first.
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


def come_back_to(context: Context, owner: str, payment_id: int) -> Payment:
    """A payment of the owner's, as far as it can be known now. Commits.

    :raises NotYours: There is no such payment, or it is another owner's.
    """
    refuse_uncommitted(context)
    with reading(context):
        payment = own_payment(context, owner, payment_id)
        is_paid = payment.state is PaymentState.PAID
    if not is_paid and context.gateway.ask_limit.may(owner):
        _sync(context, payment)
    return payment


def own_payment(context: Context, owner: str, payment_id: int) -> Payment:
    payment = context.session.get(Payment, payment_id)
    if payment is None or payment.owner != owner:
        raise NotYours("There is no such purchase.")
    return payment


def invoice_url(context: Context, owner: str, payment_id: int) -> str:
    """Where the invoice of a payment is as a PDF, for now.

    :raises NotYours: The owner has no such payment, or there is no invoice of it.
    :raises TooManyAttempts: The owner has asked very often within a minute.
    """
    with reading(context):
        invoice_id = own_payment(context, owner, payment_id).invoice_id
    context.gateway.ask_limit.require(owner)
    invoice = context.gateway.invoices.fetch(invoice_id) if invoice_id else None
    if invoice is None or invoice.pdf_url is None:
        raise NotYours("There is no invoice of this purchase.")
    return invoice.pdf_url


def check_with_stripe(context: Context, payment_id: int) -> None:
    """Ask Stripe what came of a payment that no event has told of, and write it down. Commits."""
    refuse_uncommitted(context)
    with transaction(context) as session:
        payment = session.get_one(Payment, payment_id)
        payment.check_at = timing.next_check(context.config, payment.checks)
        payment.checks += 1
        age, via = context.clock() - payment.created_at, payment.via
    is_known = _sync(context, payment)
    with reading(context):
        ends_after = None if via is Via.CHECKOUT else _ends_after(payment)
    if not is_known and age > timing.IN_FLIGHT:
        with transaction(context):
            transitions.give_up(context, payment, transitions.UNKNOWN_AT_STRIPE)
    elif ends_after is not None and age > ends_after:
        _close_charge(context, payment)


def _ends_after(payment: Payment) -> timedelta | None:
    """How old a charge may get that nobody has paid; ``None`` where it is decided, or the bank decides."""
    if payment.state is PaymentState.OPEN:
        return CHALLENGE_LASTS
    is_left = payment.invoice_id is not None and payment.state in transitions.UNRESOLVED
    return timing.IN_FLIGHT if is_left else None


def _close_charge(context: Context, payment: Payment) -> None:
    """Close a charge that waits for its owner at the bank, or an invoice that nobody came to pay. Commits."""
    with reading(context):
        intent_id, invoice_id = payment.payment_intent_id, payment.invoice_id
    closed: Fetched | None
    if invoice_id is not None:
        closed = context.gateway.invoice_charges.close(invoice_id)
    else:
        assert intent_id is not None, "an open charge is known at Stripe"
        closed = context.gateway.charges.cancel(intent_id)
    with transaction(context):
        if closed is None:
            transitions.give_up(context, payment, transitions.NEVER_ISSUED)
        else:
            applying.apply(context, payment, closed)


def _sync(context: Context, payment: Payment) -> bool:
    """Fetch what Stripe has of a payment and write it down; whether it has anything. Commits.

    Where the answer that named it was lost, it is found among its customer's by our key.
    """
    with reading(context) as session:
        customer_id, key = known_customer(session, payment.owner), payment.idempotency_key
        session_id, intent_id, via = payment.session_id, payment.payment_intent_id, payment.via
        invoice_id = payment.invoice_id
    fetched: Fetched | None
    if via is Via.CHECKOUT:
        fetched = by_key.checkout(context, session_id, customer_id, key)
    elif invoice_id is not None:
        fetched = by_invoice.fetch(context, invoice_id)
    else:
        fetched = by_key.charge(context, intent_id, customer_id, key)
    if fetched is not None:
        with transaction(context):
            applying.apply(context, payment, fetched)
    return fetched is not None
