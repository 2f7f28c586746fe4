"""Saved cards: add, list, choose, correct, remove. Stripe has the cards; ours is a copy to show.

Whatever happens to a customer's cards, at our page, in Stripe's dashboard or at the
card network, ends in one function, ``refresh``: it fetches them all and copies them.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from . import clock, payments
from .customers import with_customer
from .errors import NotYours
from .facts import Card, Checkout
from .models import Customer, SavedCard

if TYPE_CHECKING:
    from .extension import Prepaid


def saved(session: Session, owner: str) -> list[SavedCard]:
    """The owner's cards, the one that pays by default first."""
    default = default_card(session, owner)
    cards = session.scalars(select(SavedCard).where(SavedCard.owner == owner).order_by(SavedCard.id))
    return sorted(cards, key=lambda card: card.id != default)


def default_card(session: Session, owner: str) -> str | None:
    """The id of the card that pays by default."""
    return session.scalar(select(Customer.default_card_id).where(Customer.owner == owner))


def expires_soon(card: SavedCard, now: datetime) -> bool:
    """Whether the card has ended, or ends this month or the next."""
    return (card.exp_year * 12 + card.exp_month) - (now.year * 12 + now.month) <= 1


def open_page(prepaid: Prepaid, owner: str, *, success_url: str, cancel_url: str) -> Checkout:
    """Ask Stripe for a page where the owner can leave a card; nothing is paid. Commits.

    :param success_url: Where the browser comes back. Stripe puts the session id in
        place of ``{CHECKOUT_SESSION_ID}``.
    """
    payments.own_session(prepaid)
    key = f"prepaid-card-{secrets.token_hex(16)}"
    return with_customer(
        prepaid,
        owner,
        lambda customer_id: prepaid.gateway.open_card_page(
            key=key,
            customer_id=customer_id,
            currency=prepaid.catalog.currency,
            success_url=success_url,
            cancel_url=cancel_url,
        ),
    )


def choose(prepaid: Prepaid, owner: str, card_id: str) -> None:
    """Let this card pay by default. Commits.

    :raises NotYours: The owner has no such card.
    """
    customer_id = _own(prepaid, owner, card_id)
    prepaid.gateway.choose_card(customer_id, card_id)
    refresh(prepaid, customer_id)
    prepaid.session.commit()


def fetch(prepaid: Prepaid, owner: str, card_id: str) -> Card:
    """The card with its address, which is kept at Stripe only.

    :raises NotYours: The owner has no such card.
    """
    customer_id = _own(prepaid, owner, card_id)
    card = prepaid.gateway.fetch_card(card_id)
    if card is None or card.customer_id != customer_id:
        raise NotYours("There is no such card.")
    return card


def correct(
    prepaid: Prepaid,
    owner: str,
    card_id: str,
    *,
    exp_month: int,
    exp_year: int,
    name: str,
    address: dict[str, str],
) -> None:
    """Correct a card's expiry, name or address. Commits.

    :param address: Stripe's ``line1``, ``city``, ``postal_code`` and ``country``; none at all removes it.
    :raises NotYours: The owner has no such card.
    """
    customer_id = _own(prepaid, owner, card_id)
    prepaid.gateway.update_card(card_id, exp_month=exp_month, exp_year=exp_year, name=name, address=address)
    refresh(prepaid, customer_id)
    prepaid.session.commit()


def remove(prepaid: Prepaid, owner: str, card_id: str) -> None:
    """Forget a card, here and at Stripe. Commits.

    :raises NotYours: The owner has no such card.
    """
    customer_id = _own(prepaid, owner, card_id)
    prepaid.gateway.remove_card(card_id)
    refresh(prepaid, customer_id)
    prepaid.session.commit()


def _own(prepaid: Prepaid, owner: str, card_id: str) -> str:
    """The Stripe customer of the owner, who has this card."""
    session = payments.own_session(prepaid)
    customer = session.get(Customer, owner)
    card = session.get(SavedCard, card_id)
    if customer is None or customer.stripe_id is None or card is None or card.owner != owner:
        raise NotYours("There is no such card.")
    customer_id = customer.stripe_id
    session.commit()
    return customer_id


def follow_card(prepaid: Prepaid, card_id: str) -> None:
    """Copy the cards of the customer who has, or had, this one. Does not commit."""
    card = prepaid.gateway.fetch_card(card_id)
    customer_id = card.customer_id if card else None
    if customer_id is None:  # it was detached: our copy knows whose it was
        session = prepaid.session
        had = select(Customer.stripe_id).join(SavedCard, SavedCard.owner == Customer.owner)
        customer_id = session.scalar(had.where(SavedCard.id == card_id))
        session.commit()
    if customer_id is not None:
        refresh(prepaid, customer_id)


def refresh(prepaid: Prepaid, customer_id: str) -> None:
    """Copy all cards of a customer from Stripe, unless a later fetch has. Does not commit.

    The first card that a customer leaves becomes the one that pays by default.
    """
    asked_at = clock.wall()
    cards, default = prepaid.gateway.fetch_cards(customer_id)
    if cards and default not in {card.id for card in cards}:
        default = cards[0].id
        prepaid.gateway.choose_card(customer_id, default)
    session = prepaid.session
    fresh = or_(Customer.cards_fetched_at.is_(None), Customer.cards_fetched_at <= asked_at)
    owner = session.scalar(
        update(Customer)
        .where(Customer.stripe_id == customer_id, fresh)
        .values(cards_fetched_at=asked_at, default_card_id=default)
        .returning(Customer.owner)
    )
    if owner is None:
        return
    session.execute(delete(SavedCard).where(SavedCard.owner == owner))
    session.add_all(
        SavedCard(
            id=card.id,
            owner=owner,
            brand=card.brand,
            last4=card.last4,
            exp_month=card.exp_month,
            exp_year=card.exp_year,
            name=card.name,
        )
        for card in cards
    )
    session.flush()
