"""What an owner has here, by names that anybody may have typed."""

from __future__ import annotations

import re

from sqlalchemy import select
from sqlalchemy.orm import Session

from prepaid_ledger.tables import Wallet

from .models import SavedCard

CARD_ID = re.compile(r"[A-Za-z0-9_]{1,255}")


def has_wallet(session: Session, owner: str) -> bool:
    """Whether somebody of this name has a wallet. What somebody has typed may be no name at all."""
    try:
        there = select(Wallet.id).where(Wallet.owned_by(owner))
    except ValueError:
        return False
    return session.scalar(there) is not None


def is_card_id(text: str) -> bool:
    """Whether a text, which a browser may have sent, could be the id of a card."""
    return CARD_ID.fullmatch(text) is not None


def card_on_file(session: Session, owner: str, card_id: str) -> SavedCard | None:
    """The owner's card with this id, which may be any text that a browser sends."""
    card = session.get(SavedCard, card_id) if is_card_id(card_id) else None
    return card if card is not None and card.owner == owner else None
