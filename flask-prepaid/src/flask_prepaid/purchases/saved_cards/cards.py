"""Saved cards: add, choose, correct and remove them, at Stripe, which has them."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from ...context import Context, reading, refuse_uncommitted, transaction
from ...errors import GatewayRefused, NotYours
from ...gateway.payments.checkout import WaysBack
from ...gateway.values import Card, Checkout
from ...payments import card_testing
from ...payments.customers.making import with_customer
from ...payments.customers.models import SavedCard
from ...payments.customers.owned import card_on_file, is_card_id
from ...payments.customers.rows import known_customer
from ...payments.models import TopUp
from ...subscriptions import plan_rows
from . import twins
from .cards_on_file import default_card, saved
from .copies import refresh


def open_page(context: Context, owner: str, ways_back: WaysBack) -> Checkout:
    """Ask Stripe for a page where the owner can leave a card; nothing is paid. Commits."""
    refuse_uncommitted(context)
    with transaction(context):
        card_testing.count_attempt(context, owner)  # a card is tried out by leaving it, too
    key = f"prepaid-card-{secrets.token_hex(16)}"
    return with_customer(
        context,
        owner,
        lambda customer_id: context.gateway.checkout.open_for_card(
            key=key,
            customer_id=customer_id,
            currency=context.catalog.currency,
            ways_back=ways_back,
        ),
    )


def choose(context: Context, owner: str, card_id: str) -> None:
    """Let this card pay by default. Commits.

    :raises NotYours: The owner has no such card.
    """
    customer_id = _own(context, owner, card_id)
    with _still_on_file(context, owner, card_id, customer_id):
        context.gateway.cards.choose(customer_id, card_id)
    refresh(context, customer_id)


def fetch(context: Context, owner: str, card_id: str) -> Card:
    """The card with its address, which is kept at Stripe only.

    :raises NotYours: The owner has no such card.
    :raises TooManyAttempts: The owner has asked very often within a minute.
    """
    customer_id = _own(context, owner, card_id)
    context.gateway.ask_limit.require(owner)
    card = context.gateway.cards.fetch(card_id)
    if card is None or card.customer_id != customer_id:
        refresh(context, customer_id)
        raise NotYours("There is no such card.")
    return card


def correct(
    context: Context,
    owner: str,
    card_id: str,
    *,
    exp_month: int,
    exp_year: int,
    name: str | None,
    address: dict[str, str] | None,
) -> None:
    """Correct a card's expiry, name or address. Commits.

    :param name: ``None`` leaves it as it is; an empty one removes it.
    :param address: Stripe's ``line1``, ``city``, ``postal_code``, ``country``; ``None`` leaves it as it is,
        none of them removes it.
    :raises NotYours: The owner has no such card.
    """
    customer_id = _own(context, owner, card_id)
    with _still_on_file(context, owner, card_id, customer_id):
        context.gateway.cards.update(
            card_id, exp_month=exp_month, exp_year=exp_year, name=name, address=address
        )
    refresh(context, customer_id)


def remove(context: Context, owner: str, card_id: str) -> None:
    """Forget a card, here and at Stripe. Commits. A repeat does nothing.

    What paid with it pays with the card that is the default then, if there is one.

    :raises NotYours: It is somebody else's.
    """
    try:
        customer_id = _own(context, owner, card_id)
    except NotYours:
        if _is_removed(context, card_id):
            return
        raise
    with reading(context) as session:
        others = [card.id for card in saved(session, owner) if card.id != card_id]
        was_default = card_id == default_card(session, owner)
    if was_default and others:
        context.gateway.cards.choose(customer_id, others[0])
    with suppress(NotYours), _still_on_file(context, owner, card_id, customer_id):
        for twin in twins.of(context, customer_id, card_id):
            context.gateway.cards.remove(twin)
    refresh(context, customer_id)


def _is_removed(context: Context, card_id: str) -> bool:
    """Whether what may well have been a card's id is that of none on file, whoever's."""
    with reading(context) as session:
        return is_card_id(card_id) and session.get(SavedCard, card_id) is None


@dataclass(frozen=True)
class Needed:
    """What pays with a card that is to be removed; ``replacement`` would pay instead, if there is one."""

    card: SavedCard
    topup: bool
    plan: bool
    replacement: SavedCard | None


def needed(context: Context, owner: str, card_id: str) -> Needed | None:
    """What would miss this card; ``None`` if nothing would, as where it is not on file."""
    session = context.session
    on_file = {card.id: card for card in saved(session, owner)}
    if card_id not in on_file:
        return None
    pays_by_default = card_id == default_card(session, owner)
    topup, plan = session.get(TopUp, owner), plan_rows.running(session, owner)
    needed = Needed(
        card=on_file.pop(card_id),
        topup=topup is not None and topup.on and pays_by_default,
        plan=plan is not None and plan_rows.payer_id(session, plan) == card_id,
        replacement=next(iter(on_file.values()), None),
    )
    return needed if needed.topup or needed.plan else None


def _own(context: Context, owner: str, card_id: str) -> str:
    """The Stripe customer of the owner, who has this card. Commits."""
    refuse_uncommitted(context)
    with reading(context) as session:
        customer_id = known_customer(session, owner)
        if customer_id is None or card_on_file(session, owner, card_id) is None:
            raise NotYours("There is no such card.")
    return customer_id


@contextmanager
def _still_on_file(context: Context, owner: str, card_id: str, customer_id: str) -> Iterator[None]:
    """Where Stripe refuses since the card went meanwhile, in another tab or its dashboard, say so. Commits.

    :raises NotYours: It is on file no more.
    """
    try:
        yield
    except GatewayRefused:
        refresh(context, customer_id)
        with reading(context) as session:
            is_gone = card_on_file(session, owner, card_id) is None
        if is_gone:
            raise NotYours("There is no such card.") from None
        raise
