"""By what a charge was made: a card, whose money is there at once, or a bank account."""

from __future__ import annotations

from typing import Any

#: Methods that are charged days before their money is there: https://docs.stripe.com/payments/bank-debits
DEBITS = {"acss_debit", "au_becs_debit", "bacs_debit", "nz_bank_account", "sepa_debit", "us_bank_account"}


def card_of_charge(charge: Any) -> Any:
    """The card of a charge; ``None`` where another method was charged."""
    details = charge.payment_method_details if charge else None
    return getattr(details, "card", None)


def says_when_it_was_paid(charge: Any) -> bool:
    """Whether its money was there when it was made."""
    details = charge.payment_method_details
    return details is None or details.type not in DEBITS
