"""Charges that do not name our payment, and have paid it all the same: its page or its invoice says so.

A payment may be paid twice, on a page or an invoice that somebody made or paid in Stripe's dashboard. What
the bank says of such a charge is about that payment, too.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from sqlalchemy.orm import Session

from ...context import Context, reading
from ...gateway.money_back.money_back_values import StripeDispute, StripeWarning
from ...payments import payments
from ...payments.customers.rows import owner_of
from ...payments.models import Payment
from ...payments.outcome import wrong_charges

About = TypeVar("About", bound=StripeDispute | StripeWarning)


def with_key(context: Context, about: About) -> About:
    """What a bank says of a charge, with the key of the payment that its page or its invoice is of.

    Stripe is asked only about a charge of a customer of ours that names no payment, and has brought none.
    """
    if about.payment_key is not None or about.intent_id is None:
        return about
    if not _may_be_ours(context, about.intent_id, about.customer_id):
        return about
    page = context.gateway.checkout.of_intent(about.intent_id)
    if page is not None:
        return replace(about, payment_key=page.payment_key)
    payment = payment_by_invoice(context, about.intent_id, about.customer_id)
    return about if payment is None else replace(about, payment_key=payment.idempotency_key)


def payment_by_invoice(context: Context, intent_id: str, customer_id: str | None) -> Payment | None:
    """The payment whose invoice such a charge has paid."""
    if not _may_be_ours(context, intent_id, customer_id):
        return None
    invoice_id = context.gateway.invoices.id_of_intent(intent_id)
    with reading(context) as session:
        return payments.find(session, stripe_id=invoice_id)


def _may_be_ours(context: Context, intent_id: str, customer_id: str | None) -> bool:
    with reading(context) as session:
        return owner_of(session, customer_id) is not None and not _is_known(session, intent_id)


def _is_known(session: Session, intent_id: str) -> bool:
    known = payments.find(session, stripe_id=intent_id) or wrong_charges.payment_of(session, intent_id)
    return known is not None
