"""What Stripe has of a payment, by its id; where the answer that named it was lost, by our key.

By the key it is looked for at each customer who stands for the owner, or has stood for them: whoever left may
have paid.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..context import Context
from ..gateway.billing.invoice_charge_values import InvoiceCharge
from ..gateway.values import Checkout, Intent
from . import by_invoice


def checkout(
    context: Context, session_id: str | None, customer_ids: Iterable[str], key: str
) -> Checkout | None:
    if session_id:
        return context.gateway.checkout.fetch(session_id)
    pages = (context.gateway.checkout.find(customer_id, key) for customer_id in customer_ids)
    return next((page for page in pages if page is not None), None)


def charge(
    context: Context, intent_id: str | None, customer_ids: Iterable[str], key: str
) -> Intent | InvoiceCharge | None:
    if intent_id:
        return context.gateway.charges.fetch(intent_id)
    charges = (_charge_of(context, customer_id, key) for customer_id in customer_ids)
    return next((charged for charged in charges if charged is not None), None)


def _charge_of(context: Context, customer_id: str, key: str) -> Intent | InvoiceCharge | None:
    intent = context.gateway.charges.find(customer_id, key)
    if intent is not None and intent.invoice_id is None:
        return intent
    return by_invoice.find(context, customer_id, key)
