"""Auto top-up: buy a pack by itself when the credits run low, within a monthly ceiling.

Off until its owner switches it on. One is in flight per wallet. After a decline it
waits longer each time, and after the third it stops until its owner starts it again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile

from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import Session

from prepaid_ledger.tables import Wallet

from .. import signals
from ..catalog import Pack
from ..context import Context, refuse_uncommitted, transaction
from ..errors import NotYours, UnknownItem
from ..payments import card_testing, payments
from ..payments.models import Payment, PaymentState, TopUp, Via
from . import cards, checkout

#: How long it waits after the first decline and after the second; the third stops it.
BACK_OFF = (timedelta(hours=1), timedelta(hours=24))

#: While the last top-up is in one of these, no other is begun.
UNDECIDED = (PaymentState.REQUESTED, PaymentState.OPEN, PaymentState.PENDING, PaymentState.UNKNOWN)


def setting(session: Session, owner: str) -> TopUp | None:
    """What the owner has set, on or off; ``None`` if never."""
    return session.get(TopUp, owner)


@dataclass(frozen=True)
class Spent:
    """What top-ups have charged in this calendar month, and the most that they may."""

    amount_minor: int
    ceiling_minor: int
    currency: str
    times: int


def spent(context: Context, row: TopUp) -> Spent | None:
    """For a setting's pack; ``None`` if that is not sold any more."""
    pack = context.catalog.packs.get(row.pack)
    if pack is None or not pack.amount_minor:
        return None
    amount = spent_this_month(context.session, row.owner, pack.currency, context.clock())
    return Spent(amount, row.ceiling_minor, pack.currency, row.ceiling_minor // pack.amount_minor)


def switch_on(context: Context, owner: str, *, pack: str, threshold: int, ceiling_minor: int) -> TopUp:
    """Top up from now on, also after it has stopped by itself. Commits.

    :param threshold: Below so many available credits, the pack is bought.
    :param ceiling_minor: In one calendar month (UTC) no more than this is charged.
    :raises UnknownItem: There is no such pack, or it costs more than the ceiling.
    :raises NotYours: No card is on file to pay with.
    """
    refuse_uncommitted(context)
    offer = context.catalog.offer(pack=pack)
    if not 1 <= threshold <= 10**9:
        raise UnknownItem("Write from how many credits on to top up, 1 or more.", field="threshold")
    if not offer.amount_minor <= ceiling_minor <= 10**12:
        raise UnknownItem("The monthly ceiling is less than one top-up costs.", field="ceiling")
    with transaction(context) as session:
        if cards.default_card(session, owner) is None:
            raise NotYours("Save a card first: a top-up is charged to the card that pays by default.")
        row = session.get(TopUp, owner) or TopUp(owner=owner)
        row.on, row.pack, row.threshold, row.ceiling_minor = True, pack, threshold, ceiling_minor
        row.after_payment, row.stopped = session.scalar(select(func.max(Payment.id))) or 0, None
        session.add(row)
    return row


def switch_off(context: Context, owner: str) -> None:
    """Top up no more. Commits."""
    refuse_uncommitted(context)
    with transaction(context) as session:
        session.execute(update(TopUp).where(TopUp.owner == owner).values(on=False))


def due(context: Context) -> list[str]:
    """The owners whose credits are low, and who want to be topped up; what has expired is written before."""
    available = func.coalesce(Wallet.balance - Wallet.held, 0)
    low = select(TopUp.owner).outerjoin(Wallet, Wallet.owner == TopUp.owner)
    return list(context.session.scalars(low.where(TopUp.on, available < TopUp.threshold)))


def top_up(context: Context, owner: str) -> Payment | None:
    """Buy the pack with the card that pays by default, if it is time; the payment. Commits."""
    refuse_uncommitted(context)
    with transaction(context):
        payment = _begin(context, owner)
    if payment is None:
        return None
    checkout.charge(context, payment, return_url=None)
    with transaction(context) as session:
        if payment.state is PaymentState.OPEN:
            row = session.get_one(TopUp, owner)
            _stop(context, row, "your bank wants you to confirm a payment", payment.id)
    return payment


def _begin(context: Context, owner: str) -> Payment | None:
    """The row of a top-up; ``None`` if it is not time for one.

    The setting's row is locked, so that of two ticks at once only one begins.
    """
    session = context.session
    session.execute(update(TopUp).where(TopUp.owner == owner).values(owner=owner))
    row = session.get_one(TopUp, owner, populate_existing=True)
    history = list(session.scalars(_history(row)))
    if not row.on or context.ledger.available(owner) >= row.threshold:
        return None
    card_id = cards.default_card(session, owner)
    pack = context.catalog.packs.get(row.pack)
    reason = _reason_to_stop(history, card_id, pack)
    if reason is not None:
        _stop(context, row, reason, history[0].id if history else None)
        return None
    assert pack is not None, "a pack that is not sold is a reason to stop"
    if _must_wait(history, context.clock()):
        return None
    charged_minor = spent_this_month(session, owner, pack.currency, context.clock())
    if charged_minor + pack.amount_minor > row.ceiling_minor:
        return None
    # Named by how many came before: of two that begin at once, the second finds the first one's row.
    attempt = f"topup-{row.after_payment}-{len(history)}"
    offer = context.catalog.offer(pack=row.pack)
    card_testing.count_attempt(context, owner)
    return payments.write_down(context, owner, offer, via=Via.TOPUP, attempt=attempt, card_id=card_id)


def _history(row: TopUp) -> Select[Payment]:
    """The owner's top-ups since it was switched on, newest first."""
    since = select(Payment).where(Payment.owner == row.owner, Payment.via == Via.TOPUP)
    return since.where(Payment.id > row.after_payment).order_by(Payment.id.desc())


def _declines(history: list[Payment]) -> int:
    """How many top-ups have failed in a row."""
    return sum(1 for _ in takewhile(lambda payment: payment.state is PaymentState.FAILED, history))


def _must_wait(history: list[Payment], now: datetime) -> bool:
    """Whether one is under way, or was declined too shortly ago."""
    if not history:
        return False
    declines = _declines(history)
    if 1 <= declines <= len(BACK_OFF):
        return now < history[0].created_at + BACK_OFF[declines - 1]
    return history[0].state in UNDECIDED


def _reason_to_stop(history: list[Payment], card_id: str | None, pack: Pack | None) -> str | None:
    if _declines(history) > len(BACK_OFF):
        return "the card was declined"
    if card_id is None:
        return "no card is on file"
    return "the pack is not sold any more" if pack is None else None


def spent_this_month(session: Session, owner: str, currency: str, now: datetime) -> int:
    """What top-ups have charged in this calendar month, UTC, in the smallest unit of ``currency``."""
    start = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    paid = select(func.sum(Payment.amount_minor)).where(
        Payment.owner == owner,
        Payment.via == Via.TOPUP,
        Payment.currency == currency,
        Payment.state == PaymentState.PAID,
        Payment.paid_at >= start,
    )
    return int(session.scalar(paid) or 0)


def _stop(context: Context, row: TopUp, reason: str, payment_id: int | None) -> None:
    """Switch it off until its owner switches it on again."""
    row.on, row.stopped = False, reason
    signals.after_commit(
        context.session, signals.topup_stopped, owner=row.owner, payment_id=payment_id, reason=reason
    )
