"""Cards on file: list, add, correct, choose, remove."""

from __future__ import annotations

from flask import url_for

from ...gateway.payments.checkout import WaysBack
from ...purchases.saved_cards import cards, cards_on_file
from .. import forms, page
from ..pages import cards as form
from . import buying, shapes
from .shapes import CardsAnswer, OpenedAnswer


def card_list(owner: str) -> CardsAnswer:
    """The cards on file, fetched afresh; the copy that we have if Stripe does not answer."""
    form.refresh(owner)
    return copied(owner)


def copied(owner: str) -> CardsAnswer:
    session = page.context().session
    default, now = cards_on_file.default_card(session, owner), page.context().clock()
    return CardsAnswer(
        [
            shapes.Card(
                card.id,
                card.brand,
                card.last4,
                card.exp_month,
                card.exp_year,
                card.name,
                card.id == default,
                cards_on_file.expires_soon(card, now),
                cards_on_file.has_expired(card, now),
            )
            for card in cards_on_file.saved(session, owner)
        ]
    )


def card_add(owner: str) -> OpenedAnswer:
    """Open Stripe's page where a card is left, or a session for its elements. Nothing is paid."""
    back = forms.return_url() or url_for("prepaid.cards", _external=True)
    cancel_url = None if "elements" in forms.sent() else buying.cancel("prepaid.cards")
    return buying.opened(cards.open_page(page.context(), owner, WaysBack(back, cancel_url)))


def card_correct(owner: str, card_id: str) -> CardsAnswer:
    """Correct what is printed on a card, or its address. The number never changes."""
    form.correct(owner, card_id)
    return copied(owner)


def card_choose(owner: str, card_id: str) -> CardsAnswer:
    """Let a card pay by default."""
    form.choose_card(owner, card_id)
    return copied(owner)


def card_remove(owner: str, card_id: str) -> CardsAnswer:
    """Remove a card, here and at Stripe. Where a plan or auto top-up pays with it, only with sure."""
    needed = form.remove_card(owner, card_id)
    if needed is not None:
        raise form.in_use(needed)
    return copied(owner)
