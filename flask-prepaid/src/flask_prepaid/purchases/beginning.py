"""A payment that is about to be asked of Stripe: it is counted and written down first."""

from __future__ import annotations

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
