"""What Stripe has of a payment: a page, a charge or an invoice."""

from __future__ import annotations

from ..gateway.billing.invoice_charge_values import InvoiceCharge
from ..gateway.values import Checkout, Intent

Fetched = Checkout | Intent | InvoiceCharge


def intent_of(fetched: Fetched) -> Intent | None:
    return fetched if isinstance(fetched, Intent) else fetched.intent


def arrived_minor(fetched: Fetched) -> int:
    """What of it was paid, by whatever: an invoice may be paid by the balance, or outside of Stripe."""
    if isinstance(fetched, InvoiceCharge):
        return fetched.amount_total_minor
    intent = intent_of(fetched)
    return intent.received_minor if intent is not None else 0
