"""The keys of refunds that are asked for here: the payment, and a digest of the wish. Stripe has the same."""

from __future__ import annotations

import hashlib

#: The longest key of a refund of ours.
MAX_KEY = 100

#: So many characters of it stand for the wish.
DIGEST = 40


def of_wish(payment_id: int, wish: str) -> str:
    """The key of a wish. Where several charges are refunded for it, a number follows from the second on."""
    # Stripe hears of it in a header, where not every wish could stand.
    return f"{_begin(payment_id)}{hashlib.sha256(wish.encode()).hexdigest()[:DIGEST]}"


def without_number(payment_id: int, key: str) -> str:
    """What all refunds of one wish have in common."""
    return key[: len(_begin(payment_id)) + DIGEST]


def is_ours(payment_id: int, key: str) -> bool:
    """Whether a key could be that of a refund which was asked for here."""
    return key.startswith(_begin(payment_id)) and len(key) <= MAX_KEY


def _begin(payment_id: int) -> str:
    return f"prepaid-refund-{payment_id}-"
