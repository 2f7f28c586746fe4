"""What the customer's balance at Stripe has paid of an invoice, and when it was applied.

https://docs.stripe.com/billing/customer/balance
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any


def paid_by_balance(before_minor: int, not_due_minor: int) -> int:
    """How much of an invoice the balance has paid, in the smallest unit of its currency.

    :param before_minor: The balance before it; what it can pay is negative.
    :param not_due_minor: What of the total is not charged. What is below Stripe's least charge is not, and is
        owed in the balance.
    """
    return max(min(-before_minor, not_due_minor), 0)


def final_at(invoice: Any) -> datetime:
    """When the balance was applied to an invoice: as it became final, or where it is a draft, it was made."""
    transitions = invoice.status_transitions
    return datetime.fromtimestamp((transitions and transitions.finalized_at) or invoice.created, UTC)
