"""How a purchase was taxed, in few words: the buyer's country, and Stripe Tax's reason for what it took."""

from __future__ import annotations

from typing import Any

#: How Stripe Tax calls it where the customer pays the tax.
REVERSE_CHARGE = "reverse_charge"

#: Letters that are kept.
MAX_WORDS = 32


def taxed_of(invoice: Any) -> str:
    """The buyer's country and how an invoice was taxed there; empty where Stripe Tax was not asked."""
    if not invoice.automatic_tax.enabled:
        return ""
    country = getattr(invoice.customer_address, "country", None) or ""
    return taxed_words(country, [tax.taxability_reason for tax in invoice.total_taxes or []])


def taxed_words(country: str, reasons: list[str | None]) -> str:
    """Such as ``DE standard_rated``; where nothing is collected, ``DE not_collecting``."""
    reason = next((reason for reason in reasons if reason), "standard_rated" if reasons else "not_collecting")
    return f"{country} {reason}".strip()[:MAX_WORDS]


def taxed_on_page(session: Any) -> str:
    """The buyer's country and how Checkout taxed it, of a session that was fetched with its breakdown."""
    breakdown = getattr(session.total_details, "breakdown", None)
    if not (session.automatic_tax and session.automatic_tax.enabled and breakdown):
        return ""
    address = session.customer_details.address if session.customer_details else None
    reasons = [tax.taxability_reason for tax in breakdown.taxes]
    return taxed_words(getattr(address, "country", None) or "", reasons)
