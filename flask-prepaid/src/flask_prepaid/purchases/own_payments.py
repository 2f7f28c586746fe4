"""A customer's own payment, by its number: what is known of it as they come back to it, and its invoice."""

from __future__ import annotations

from ..context import Context, reading, refuse_uncommitted
from ..errors import NotYours
from ..payments.models import Payment, PaymentState
from . import payment_checks


def own_payment(context: Context, owner: str, payment_id: int) -> Payment:
    """
    :raises NotYours: There is no such payment, or it is another owner's.
    """
    payment = context.session.get(Payment, payment_id)
    if payment is None or payment.owner != owner:
        raise NotYours("There is no such purchase.")
    return payment


def come_back_to(context: Context, owner: str, payment_id: int) -> Payment:
    """A payment of the owner's, as far as it can be known now. Commits.

    :raises NotYours: There is no such payment, or it is another owner's.
    """
    refuse_uncommitted(context)
    with reading(context):
        payment = own_payment(context, owner, payment_id)
        is_paid = payment.state is PaymentState.PAID
    if not is_paid and context.gateway.ask_limit.may(owner):
        payment_checks.sync(context, payment)
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
