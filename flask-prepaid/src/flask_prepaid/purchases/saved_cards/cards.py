"""Saved cards: add, list, choose, correct, remove. Stripe has the cards; ours is a copy to show.

Whatever happens to a customer's cards, at our page, in Stripe's dashboard or at the
card network, ends in one function, ``_tidy_up``: it fetches them all, sets right at Stripe
what is there twice and which one pays, and then they are copied.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session

from prepaid_ledger import check_owner, clock

from ...context import Context, Write, nothing, reading, refuse_uncommitted, transaction, write_now
from ...errors import GatewayRefused, NotYours
from ...gateway.checkout import WaysBack
from ...gateway.values import Card, Checkout
from ...payments import card_testing
from ...payments.customers.making import with_customer
from ...payments.customers.models import Customer, SavedCard
from ...payments.customers.owned import card_on_file, is_card_id
from ...payments.customers.rows import known_customer
from ...payments.models import Payment, TopUp
from ...subscriptions import plan_rows, retries
from . import twins, which_pays

#: Letters of a name on a card that are kept. On Stripe's page a customer may write more.
MAX_NAME = 255


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
        plan=plan is not None and (plan.card_id == card_id or (plan.card_id is None and pays_by_default)),
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
