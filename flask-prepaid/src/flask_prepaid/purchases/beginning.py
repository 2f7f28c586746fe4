"""A payment that is about to be asked of Stripe: counted, written down, and what is asked."""

from __future__ import annotations

from typing import Any

from ..catalog import Offer
from ..context import Context, transaction
from ..payments import card_testing, payments
from ..payments.models import Payment, Via
from ..payments.wishes import Wish


def begin(
    context: Context,
    owner: str,
    offer: Offer,
    *,
    via: Via,
    wish: Wish,
    card_id: str | None = None,
) -> Payment:
    """Count an attempt to pay, then write down what is about to be asked of Stripe. Commits each by itself.

    :raises KeyReused: The name of the wish has asked for something else.
    :raises TooManyAttempts: This customer, this address, or all together have tried too often.
    :raises BuyingPaused: Nothing is sold at the moment.
    """
    with transaction(context):
        card_testing.count_attempt(context, owner)
    with transaction(context):
        return payments.write_down(context, owner, offer, via=via, wish=wish, card_id=card_id)


def agreed(payment: Payment) -> dict[str, Any]:
    """What of a payment Stripe is asked for."""
    return {
        "key": payment.idempotency_key,
        "title": payment.title,
        "amount_minor": payment.amount_minor,
        "currency": payment.currency,
    }
