"""Whether it is time to top up, and what for: one answer, read from what was spent, paid and agreed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import takewhile

from sqlalchemy import select
from sqlalchemy.orm import Session

from prepaid_ledger.tables import Kind

from ...catalog import Offer, Pack
from ...context import Context
from ...payments import tax_rates
from ...payments.customers import billing_details
from ...payments.customers.models import SavedCard
from ...payments.models import SENT_BACK, Payment, PaymentState, TopUp, Via
from ...payments.wishes import Wish
from ...subscriptions import currencies
from .. import debts
from ..saved_cards import cards_on_file
from ..stop_reasons import (
    BLOCKED,
    CEILING,
    DECLINED,
    IN_DEBT,
    NO_ADDRESS,
    NO_CARD,
    NOT_SOLD,
    NOT_SPENT,
    OTHER_CURRENCY,
    OTHER_TERMS,
    REFUSED,
    REFUSED_BECAUSE,
    SELLING_PAUSED,
    UNDER_REVIEW,
)
from . import topup_cause, topup_ceiling

#: How long it waits after a first failure with a card and after the second; the third stops it.
BACK_OFF = (timedelta(hours=1), timedelta(hours=24))


@dataclass(frozen=True)
class Buy:
    """It is time: buy this with this card. ``wish`` has a name, so that it is charged once.

    ``max_minor`` is what the month's ceiling leaves for it, tax and all.
    """

    offer: Offer
    card_id: str
    wish: Wish
    max_minor: int


@dataclass(frozen=True)
class Skip:
    """It is due and not made, for a reason that lasts; it stays on."""

    reason: str


@dataclass(frozen=True)
class Stop:
    """It is due and can't be made until its owner acts: it switches itself off."""

    reason: str
    payment_id: int | None = None


#: ``None``: nothing is due, or what is under way decides first.
Decision = Buy | Skip | Stop | None


def decide(context: Context, row: TopUp, *, blocked: bool) -> Decision:
    """What is to be done about a setting now. Changes nothing.

    :param blocked: Whether the host has shut the owner out.
    """
    session = context.session
    if not row.on:
        return None
    history = _history(session, row)
    is_under_way = _is_under_way(session, row.owner, history)
    wallet = context.ledger.wallet(row.owner)  # after its payments: one that was just settled has its credits
    if wallet.available >= row.threshold:
        return None
    card = session.get(SavedCard, cards_on_file.default_card(session, row.owner) or "")
    listed = context.catalog.packs.get(row.pack)
    pack = listed.sold_in(row.currency) if listed is not None else None
    failures = _failures(history, card)
    reason = BLOCKED if blocked else _reason_to_stop(row, history, card, pack, failures)
    reason = reason or _reason_of_bills(context, row)
    if reason is not None:
        return Stop(reason, None if blocked or not history else history[0].id)
    if any(debt.kind is not Kind.SPEND for debt in debts.owed(session, row.owner)):
        return Stop(IN_DEBT)
    if is_under_way:
        return None
    if failures and context.clock() < failures[0].created_at + BACK_OFF[len(failures) - 1]:
        return None
    if not context.config.selling:
        return Skip(SELLING_PAUSED)
    fall = topup_cause.cause(session, row)
    if fall in NOT_SPENT:
        return Skip(NOT_SPENT[fall]) if wallet.available else Stop(NOT_SPENT[fall])
    assert pack is not None, "without a pack it has stopped"
    assert card is not None, "without a card it has stopped"
    # Named by how many came before: of two that begin at once, the second finds the first one's row.
    wish = Wish(f"job:topup-{row.after_payment}-{len(history)}")
    return _within_ceiling(context, row, pack, card, wish, row.threshold - wallet.available + wallet.debt)


def _within_ceiling(
    context: Context, row: TopUp, pack: Pack, card: SavedCard, wish: Wish, missing: int
) -> Buy | Skip:
    """As many packs as bring what is missing, and as the month's ceiling has room for.

    :param missing: Credits, up to the threshold, with what is owed.
    """
    rate, room_minor = tax_rates.last(context, row.owner), topup_ceiling.room_minor(context, row)
    packs = min(
        packs_to_reach(missing, pack),
        packs_to_reach(row.threshold, pack),  # so many at once were agreed to
        room_minor // tax_rates.with_tax(pack.amount_minor, rate, pack.currency),
    )
    if not packs:
        return Skip(CEILING)
    offer = several(context.catalog.offer(pack=row.pack, currency=row.currency), packs)
    return Buy(offer, card.id, wish, room_minor)


def _reason_to_stop(
    row: TopUp,
    history: list[Payment],
    card: SavedCard | None,
    pack: Pack | None,
    failures: list[Payment],
) -> str | None:
    if history and history[0].state is PaymentState.NEEDS_REVIEW and history[0].reviewed_at is None:
        return UNDER_REVIEW
    if len(failures) > len(BACK_OFF):
        return (
            DECLINED if is_decline(failures[0]) else REFUSED_BECAUSE.get(failures[0].failure or "", REFUSED)
        )
    if card is None:
        return NO_CARD
    if pack is None:
        return NOT_SOLD
    is_as_agreed = pack.currency == row.currency and 0 < pack.amount_minor <= row.pack_minor
    return None if is_as_agreed and pack.total_credits >= row.pack_credits else OTHER_TERMS


def _reason_of_bills(context: Context, row: TopUp) -> str | None:
    """Why no invoice could charge it."""
    if currencies.binding(context, row.owner) not in (None, row.currency):
        return OTHER_CURRENCY
    has_address = billing_details.details_of(context.session, row.owner).country
    return NO_ADDRESS if context.config.automatic_tax and not has_address else None


def _history(session: Session, row: TopUp) -> list[Payment]:
    """The owner's top-ups since it was switched on, newest first."""
    since = select(Payment).where(Payment.owner == row.owner, Payment.via == Via.TOPUP)
    return list(session.scalars(since.where(Payment.id > row.after_payment).order_by(Payment.id.desc())))


def _failures(history: list[Payment], card: SavedCard | None) -> list[Payment]:
    """The top-ups that have failed in a row with this card as it is, newest first.

    Another card, or a new date on this one, is tried at once.
    """
    if card is None:
        return []
    failed = takewhile(lambda payment: payment.state is PaymentState.FAILED, history)
    with_card = [each for each in failed if each.card_id == card.id and each.id > card.after_payment]
    return [each for each in with_card if each.failure not in (tax_rates.ABOVE_MAX, SENT_BACK)]


def is_decline(payment: Payment) -> bool:
    """Whether a bank said no to a failed payment. What Stripe itself refuses has no PaymentIntent."""
    return payment.payment_intent_id is not None


def _is_under_way(session: Session, owner: str, history: list[Payment]) -> bool:
    """Whether a top-up may still be charged; also one from before it was switched on anew."""
    if history and history[0].state is PaymentState.OPEN:
        return True
    unknown = select(Payment.id).where(
        Payment.owner == owner, Payment.via == Via.TOPUP, Payment.state.in_(topup_ceiling.UNKNOWN)
    )
    return session.scalar(unknown.limit(1)) is not None


def packs_to_reach(credits: int, pack: Pack) -> int:
    """How many packs bring so many credits."""
    return -(-credits // pack.total_credits)


def several(offer: Offer, packs: int) -> Offer:
    """So many of a pack in one purchase."""
    if packs == 1:
        return offer
    return replace(
        offer,
        title=f"{packs:,} × {offer.title}",
        credits=packs * offer.credits,
        amount_minor=packs * offer.amount_minor,
    )
