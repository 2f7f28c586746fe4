"""The charges that have paid an invoice: mostly one, but it may be paid in parts.

https://docs.stripe.com/invoicing/partial-payments
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..values import id_of


@dataclass(frozen=True)
class ChargedPart:
    """What of an invoice the charge of a PaymentIntent has brought, in its currency's smallest unit."""

    intent_id: str
    charged_minor: int


def charged_parts(payments: Iterable[Any]) -> tuple[ChargedPart, ...]:
    """The charges among an invoice's payments that went through: that of Stripe's own asking first.

    What was paid outside of Stripe is none.
    """
    charged = [each for each in payments if each.status == "paid" and each.payment.type == "payment_intent"]
    charged.sort(key=lambda each: (not each.is_default, each.created, each.id))
    return tuple(
        ChargedPart(id_of(each.payment.payment_intent) or "", each.amount_paid or 0) for each in charged
    )
