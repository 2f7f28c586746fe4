"""What Stripe has of a payment, by its id; where the answer that named it was lost, by our key."""

from __future__ import annotations

from ..context import Context
from ..gateway.billing.invoice_charge_values import InvoiceCharge
from ..gateway.values import Checkout, Intent
from . import by_invoice


def checkout(context: Context, session_id: str | None, customer_id: str | None, key: str) -> Checkout | None:
    if session_id:
        return context.gateway.checkout.fetch(session_id)
    return context.gateway.checkout.find(customer_id, key) if customer_id else None


def charge(
    context: Context, intent_id: str | None, customer_id: str | None, key: str
) -> Intent | InvoiceCharge | None:
    if intent_id:
        return context.gateway.charges.fetch(intent_id)
    if customer_id is None:
        return None
    intent = context.gateway.charges.find(customer_id, key)
    if intent is not None and intent.invoice_id is None:
        return intent
    return by_invoice.find(context, customer_id, key)
