"""The cards that an owner has on file, by our copy, and how long each is valid."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from prepaid_ledger import check_owner

from ...payments.customers.models import Customer, SavedCard


def saved(session: Session, owner: str) -> list[SavedCard]:
    """The owner's cards, the one that pays by default first.

    :raises ValueError: No such owner can be.
    """
    check_owner(owner)
    default = default_card(session, owner)
    cards = session.scalars(select(SavedCard).where(SavedCard.owner == owner).order_by(SavedCard.id))
    return sorted(cards, key=lambda card: card.id != default)


def default_card(session: Session, owner: str) -> str | None:
    """The id of the card that pays by default."""
    return session.scalar(select(Customer.default_card_id).where(Customer.owner == owner))


def months_left(exp_month: int, exp_year: int, now: datetime) -> int:
    """How many months after this one a card is valid; below zero it has expired."""
    return (exp_year * 12 + exp_month) - (now.year * 12 + now.month)


def expires_soon(card: SavedCard, now: datetime) -> bool:
    """Whether the card has expired, or expires this month or the next."""
    return months_left(card.exp_month, card.exp_year, now) <= 1


def has_expired(card: SavedCard, now: datetime) -> bool:
    return months_left(card.exp_month, card.exp_year, now) < 0


def first_valid(cards: Iterable[SavedCard], now: datetime) -> SavedCard | None:
    """The first that has not expired: one that has is left to its owner to choose."""
    return next((card for card in cards if not has_expired(card, now)), None)
