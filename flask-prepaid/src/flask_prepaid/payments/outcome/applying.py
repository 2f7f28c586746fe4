"""A payment's row is brought to what was fetched: any number of times, in any order."""

from __future__ import annotations

from ...context import Context
from ...gateway.billing.invoice_charge_values import InvoiceCharge
from ...gateway.values import NEEDS_OWNER, Checkout, Intent
from ..models import Payment, PaymentState
from ..payments import lock
from . import comparison, giving, transitions, wrong_charges
from .comparison import Fetched, arrived_minor, intent_of


def apply(context: Context, payment: Payment, fetched: Fetched) -> None:
    """Bring the row to what was fetched, and give what it bought if it is paid.

    Any number of times, in any order: an older fetch changes nothing.
    """
    if isinstance(fetched, Checkout):
        _apply_checkout(context, payment, fetched)
    elif isinstance(fetched, InvoiceCharge):
        _apply_billed(context, payment, fetched)
    else:
        _apply_intent(context, payment, fetched)


def _apply_checkout(context: Context, payment: Payment, checkout: Checkout) -> None:
    lock(context.session, payment)
    if payment.session_id != checkout.id and not _takes_up(context, payment, checkout, payment.session_id):
        return
    _note(payment, checkout)
    if checkout.is_paid:
        _settle(context, payment, checkout, paid_minor=checkout.amount_total_minor)
    elif checkout.status == "complete" and checkout.intent:
        state = transitions.of_intent(checkout.intent)
        transitions.move(context, payment, state, checkout)
    elif checkout.status == "expired":
        transitions.move(context, payment, PaymentState.EXPIRED, checkout)
    else:
        transitions.move(context, payment, PaymentState.OPEN, checkout)


def _apply_intent(context: Context, payment: Payment, intent: Intent) -> None:
    lock(context.session, payment)
    known_id = payment.payment_intent_id
    if known_id != intent.id and not _takes_up(context, payment, intent, known_id):
        return
    _note(payment, intent)
    if intent.is_paid:
        _settle(context, payment, intent, paid_minor=intent.received_minor)
    elif intent.failure == NEEDS_OWNER:
        # It waits for its owner, and can still be paid.
        transitions.move(context, payment, PaymentState.OPEN, intent)
    else:
        transitions.move(context, payment, transitions.of_intent(intent), intent)


def _apply_billed(context: Context, payment: Payment, billed: InvoiceCharge) -> None:
    lock(context.session, payment)
    known_id = payment.invoice_id
    if known_id != billed.id and not _takes_up(context, payment, billed, known_id):
        return
    _note(payment, billed)
    if billed.is_paid:
        _settle(context, payment, billed, paid_minor=billed.amount_total_minor)
    elif billed.status not in ("draft", "open"):
        transitions.move(context, payment, PaymentState.FAILED, billed)
    elif billed.intent is not None and not billed.is_idle:
        transitions.move(context, payment, _state_of_open(billed.intent), billed)


def _state_of_open(intent: Intent) -> PaymentState:
    """Where the payment of an open invoice stands: it can be paid until it is closed, so it never failed."""
    if intent.waits_for_owner:
        return PaymentState.OPEN
    state = transitions.of_intent(intent)
    return PaymentState.PENDING if state is PaymentState.FAILED else state


def _takes_up(context: Context, payment: Payment, fetched: Fetched, known_id: str | None) -> bool:
    """Whether the row becomes that of an object that names it, and is not the one that it knows.

    Our first word from Stripe may have been lost, so a row without an id takes up what is its owner's. A
    second object of a row counts only if it is paid first: ``reconcile`` shows what was paid twice.
    """
    reason = comparison.not_made_for_it(context, payment, fetched)
    if reason is not None:
        if fetched.is_paid:
            is_foreign = not comparison.is_customers(context, payment, fetched.customer_id)
            wrong_charges.call(context, payment, f"{fetched.id} {reason}", fetched, is_foreign=is_foreign)
        return False
    return payment.state is not PaymentState.PAID and (known_id is None or fetched.is_paid)


def _note(payment: Payment, fetched: Fetched) -> None:
    """Write down which object of Stripe's it is, and what that asks for."""
    if isinstance(fetched, Checkout):
        payment.session_id = fetched.id
        payment.invoice_id = fetched.invoice_id or payment.invoice_id
        if fetched.status == "complete":
            payment.due_minor = fetched.amount_total_minor
    elif isinstance(fetched, InvoiceCharge):
        payment.invoice_id, payment.invoice_number = fetched.id, fetched.number
        if fetched.status != "draft":
            payment.due_minor = fetched.due_minor
    if not isinstance(fetched, Intent) and fetched.is_paid:
        payment.discount_minor, payment.tax_minor = fetched.discount_minor, fetched.tax_minor
        payment.taxed = fetched.taxed
    if intent := intent_of(fetched):
        _note_intent(payment, intent)


def _note_intent(payment: Payment, intent: Intent) -> None:
    payment.payment_intent_id = intent.id
    payment.charge_id = intent.charge_id or payment.charge_id
    payment.receipt_url = intent.receipt_url or payment.receipt_url
    payment.brand, payment.last4 = intent.brand or payment.brand, intent.last4 or payment.last4


def _settle(context: Context, payment: Payment, fetched: Fetched, *, paid_minor: int) -> None:
    """Give what the paid row bought, once.

    If Stripe asked the customer for something else than the row says, nothing is given, and an operator is
    called.
    """
    if payment.state is PaymentState.PAID:
        return
    reason = comparison.not_as_agreed(context, payment, fetched)
    if reason is not None:
        wrong_charges.call(context, payment, reason, fetched, is_foreign=False)
        return
    giving.give(context, payment, fetched, paid_minor=paid_minor)


def accept(context: Context, payment: Payment, fetched: Fetched) -> None:
    """Give what a payment bought, though what was paid is not what was agreed: somebody has decided so.

    The caller holds the payment's lock. It becomes that of what was fetched, if it has been another's since:
    nothing of another page or charge stays with it.
    """
    payment.due_minor, payment.discount_minor, payment.tax_minor, payment.taxed = None, 0, 0, ""
    payment.payment_intent_id = payment.charge_id = payment.receipt_url = None
    payment.brand = payment.last4 = None
    if payment.invoice_id != (invoice_id := comparison.invoice_of(fetched)):
        payment.invoice_id, payment.invoice_number = invoice_id, None
    _note(payment, fetched)
    giving.give(context, payment, fetched, paid_minor=arrived_minor(fetched))
