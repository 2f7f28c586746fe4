"""One number is one card, however often it was left: at Checkout, for a trial, or on the page of cards.

Stripe makes a PaymentMethod each time, and gives those of one number the same fingerprint. The one that was
left last has the latest date; it takes over what the others paid for, and they go.
https://docs.stripe.com/api/cards/object#card_object-fingerprint
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from ...context import Context, reading
from ...errors import GatewayRefused
from ...gateway.values import Card
from ...payments.models import Payment, PaymentState
from ...subscriptions.models import BEGINNING, ENDED, Subscription

log = logging.getLogger(__name__)

#: A payment in one of these still needs the very PaymentMethod that it was begun with.
UNDECIDED = (PaymentState.REQUESTED, PaymentState.OPEN, PaymentState.PENDING, PaymentState.UNKNOWN)


@dataclass(frozen=True)
class Merged:
    """Each number once, and which card pays by default.

    ``replaced`` names for each card that is listed no more the one in its place, where that has taken over.
    """

    cards: list[Card]
    default: str | None
    replaced: Mapping[str, str]


def merge(context: Context, customer_id: str, cards: list[Card], default: str | None) -> Merged:
    """Let each number be on file once, at Stripe as well. Commits.

    A twin that a payment or the beginning of a plan still needs is not listed, and goes another time.

    :param cards: Newest first.
    """
    kept: dict[str, Card] = {}
    replaced: dict[str, str] = {}
    for card in cards:
        last = kept.setdefault(card.fingerprint or card.id, card)
        if last is not card:
            replaced[card.id] = last.id
    if default in replaced:
        context.gateway.cards.choose(customer_id, replaced[default])
        default = replaced[default]
    needed = _needed(context, replaced) if replaced else set()
    for card_id in needed:
        del replaced[card_id]
    for card_id in replaced:
        with suppress(GatewayRefused):  # another request has seen the same
            context.gateway.cards.remove(card_id)
    return Merged(list(kept.values()), default, replaced)


def _needed(context: Context, replaced: Mapping[str, str]) -> set[str]:
    """The cards that can't go yet. A plan that has begun is paid by the card in place of its own. Commits."""
    with reading(context) as session:
        of_payments = session.scalars(
            select(Payment.card_id).where(Payment.card_id.in_(replaced), Payment.state.in_(UNDECIDED))
        ).all()
        plans = session.execute(
            select(Subscription.stripe_id, Subscription.card_id, Subscription.state).where(
                Subscription.card_id.in_(replaced), Subscription.state.not_in(ENDED)
            )
        ).all()
    needed = {card_id for card_id in of_payments if card_id}
    for stripe_id, card_id, state in plans:
        assert card_id is not None, "it was asked for by its card"
        if stripe_id is None or state in BEGINNING:
            needed.add(card_id)
            continue
        try:
            context.gateway.subscriptions.use_card(stripe_id, replaced[card_id])
        except GatewayRefused as refused:
            log.warning("%s is still paid by a card that was left twice: %s", stripe_id, refused)
            needed.add(card_id)
    return needed


def note_replaced(session: Session, owner: str, merged: Merged) -> None:
    """Note which card pays the owner's plan, where another one has taken over."""
    for before, now in merged.replaced.items():
        session.execute(
            update(Subscription)
            .where(Subscription.owner == owner, Subscription.card_id == before)
            .values(card_id=now)
        )


def of(context: Context, customer_id: str, card_id: str) -> Collection[str]:
    """The card and all others of its number, as Stripe has them now."""
    cards, _ = context.gateway.cards.fetch_all(customer_id)
    number = next((card.fingerprint for card in cards if card.id == card_id), None)
    return {card_id, *(card.id for card in cards if number is not None and card.fingerprint == number)}
