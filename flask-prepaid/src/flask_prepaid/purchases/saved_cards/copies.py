"""Our copy of saved cards, which Stripe has.

Whatever happens to a customer's cards, at our page, in Stripe's dashboard or at the card network, ends in one
function, ``_tidy_up``: it fetches them all, sets right at Stripe what is there twice and which one pays, and
then they are copied.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session

from prepaid_ledger import clock

from ...context import Context, Write, nothing, reading, write_now
from ...gateway.values import Card
from ...payments.customers.models import Customer, SavedCard
from ...payments.models import Payment
from ...subscriptions import retries
from . import twins, which_pays
from .cards_on_file import default_card

#: Letters of a name on a card that are kept. On Stripe's page a customer may write more.
MAX_NAME = 255


def sync_card(context: Context, card_id: str) -> Write[None]:
    """Fetch the cards of the customer who has, or had, this one; what is returned copies them. Commits."""
    card = context.gateway.cards.fetch(card_id)
    customer_id = card.customer_id if card else None
    if customer_id is None:  # it was detached: our copy knows whose it was
        with reading(context) as session:
            had = select(Customer.stripe_id).join(SavedCard, SavedCard.owner == Customer.owner)
            customer_id = session.scalar(had.where(SavedCard.id == card_id))
    return _tidy_up(context, customer_id) if customer_id is not None else nothing


def refresh(context: Context, customer_id: str) -> None:
    """Copy all cards of a customer from Stripe, once they are tidied up there. Commits."""
    write_now(context, _tidy_up(context, customer_id))


def _tidy_up(context: Context, customer_id: str) -> Write[None]:
    """Fetch all cards of a customer; what is returned copies them. Commits.

    It writes at Stripe, too: of a number that was left twice the newest card stays, and pays what the other
    paid; and a card pays by default, where there is one.
    """
    asked_at = clock.wall()
    cards, default = context.gateway.cards.fetch_all(customer_id)
    merged = twins.merge(context, customer_id, cards, default)
    default = which_pays.decide(context, customer_id, merged.cards, merged.default)
    return partial(_copy, context, customer_id, merged, default, asked_at)


def _copy(
    context: Context, customer_id: str, merged: twins.Merged, default: str | None, asked_at: datetime
) -> None:
    """Let the copy be these cards, unless a later fetch has written it."""
    session = context.session
    fresh = or_(Customer.cards_fetched_at.is_(None), Customer.cards_fetched_at <= asked_at)
    owner = session.scalar(
        update(Customer)
        .where(Customer.stripe_id == customer_id, fresh)
        .values(cards_fetched_at=asked_at)
        .returning(Customer.owner)
    )
    if owner is None:
        return
    default_before = default_card(session, owner)
    session.execute(update(Customer).where(Customer.owner == owner).values(default_card_id=default))
    before = _on_file(session, owner)
    last_payment = session.scalar(select(func.max(Payment.id)).where(Payment.owner == owner)) or 0
    session.execute(delete(SavedCard).where(SavedCard.owner == owner))
    session.add_all(
        SavedCard(
            id=card.id,
            owner=owner,
            brand=card.brand,
            last4=card.last4,
            exp_month=card.exp_month,
            exp_year=card.exp_year,
            name=card.name[:MAX_NAME] if card.name else None,
            fingerprint=card.fingerprint,
            after_payment=before.get(_as_printed(card), last_payment),
        )
        for card in merged.cards
    )
    session.flush()
    twins.note_replaced(session, owner, merged)
    changed = [card.id for card in merged.cards if _as_printed(card) not in before]
    chosen = default if default != default_before else None
    retries.note_changed_cards(session, owner, changed, default=chosen)


def _as_printed(card: Card | SavedCard) -> tuple[object, ...]:
    """What a bank judges a card by."""
    return card.id, card.fingerprint, card.exp_month, card.exp_year


def _on_file(session: Session, owner: str) -> dict[tuple[object, ...], int]:
    """After which payment each card as it is was left, or changed."""
    on_file = session.scalars(select(SavedCard).where(SavedCard.owner == owner))
    return {_as_printed(card): card.after_payment for card in on_file}
