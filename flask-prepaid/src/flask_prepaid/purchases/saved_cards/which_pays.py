"""Which card pays by default, where that has to be decided here."""

from __future__ import annotations

from sqlalchemy import select

from ...context import Context, reading
from ...gateway.values import Card
from ...payments.customers.models import Customer, SavedCard
from ...payments.models import Payment, PaymentState, Via
from ...subscriptions import retries


def decide(context: Context, customer_id: str, cards: list[Card], default: str | None) -> str | None:
    """The card that pays by default from now on; Stripe is told if that is another one. Commits.

    The first card that a customer leaves does. So does one that is left after the one before was declined.

    :param cards: Those on file, newest first.
    """
    on_file = [card.id for card in cards]
    if not on_file:
        return default
    chosen = default if default in on_file else on_file[0]
    if chosen == default and chosen != on_file[0] and _replaces(context, customer_id, on_file[0], default):
        chosen = on_file[0]
    if chosen != default:
        context.gateway.cards.choose(customer_id, chosen)
    return chosen


def _replaces(context: Context, customer_id: str, card_id: str, default: str) -> bool:
    """Whether a card has just been left while the one that pays by default is declined."""
    with reading(context) as session:
        owner = session.scalar(select(Customer.owner).where(Customer.stripe_id == customer_id))
        if owner is None or session.get(SavedCard, card_id) is not None:
            return False
        topups = select(Payment.state, Payment.card_id).where(
            Payment.owner == owner, Payment.via == Via.TOPUP
        )
        last = session.execute(topups.order_by(Payment.id.desc()).limit(1)).one_or_none()
        if last is not None and last.state is PaymentState.FAILED and last.card_id == default:
            return True
        return retries.is_owed(session, owner)
