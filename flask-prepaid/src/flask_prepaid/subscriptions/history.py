"""Every change of a plan as a dated row, and what the months bring in by them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ..context import Context
from .models import Move, PlanPrice, State, Subscription, SubscriptionChange
from .prices import monthly_minor

#: A plan brings money in while it is in one of these.
PAYING = frozenset({State.ACTIVE, State.PAST_DUE})

#: What of a subscription leaves a row when it changes.
WATCHED = ("state", "price_id", "quantity", "cancel_at", "next_price_id", "next_quantity")


def seen(subscription: Subscription) -> tuple[object, ...]:
    """What of a subscription a row of the history shows."""
    return tuple(getattr(subscription, name) for name in WATCHED)


def note(context: Context, subscription: Subscription, *, at: datetime) -> None:
    """Keep how the subscription stands from ``at`` on."""
    session = context.session
    price = session.get_one(PlanPrice, subscription.price_id)
    last = session.scalars(
        select(SubscriptionChange)
        .where(SubscriptionChange.owner == subscription.owner)
        .order_by(SubscriptionChange.id.desc())
    ).first()
    before = last.mrr_after_minor if last else 0
    after = monthly_minor(price, subscription.quantity) if subscription.state in PAYING else 0
    paid_before = before or session.scalar(
        select(SubscriptionChange.id)
        .where(SubscriptionChange.owner == subscription.owner, SubscriptionChange.mrr_after_minor > 0)
        .limit(1)
    )
    session.add(
        SubscriptionChange(
            subscription_id=subscription.id,
            owner=subscription.owner,
            at=max(at, last.at) if last else at,
            move=move_of(before, after, is_new=not paid_before),
            state=subscription.state,
            plan=price.plan,
            quantity=subscription.quantity,
            cancel_at=subscription.cancel_at,
            next_price_id=subscription.next_price_id,
            currency=price.currency,
            mrr_before_minor=before,
            mrr_after_minor=after,
        )
    )
    session.flush()


def move_of(before: int, after: int, *, is_new: bool) -> Move:
    if before == after:
        return Move.OTHER
    if before == 0:
        return Move.NEW if is_new else Move.REACTIVATION
    if after == 0:
        return Move.CHURN
    return Move.EXPANSION if after > before else Move.CONTRACTION


def mrr(session: Session, currency: str, at: datetime) -> int:
    """The monthly revenue at a moment, in the smallest unit of ``currency``."""
    moved = func.sum(SubscriptionChange.mrr_after_minor - SubscriptionChange.mrr_before_minor)
    up_to = select(moved).where(SubscriptionChange.currency == currency, SubscriptionChange.at <= at)
    return int(session.scalar(up_to) or 0)


def moves(session: Session, currency: str, start: datetime, end: datetime) -> dict[Move, int]:
    """How each kind of move changed the monthly revenue from ``start`` up to, and not including, ``end``."""
    moved = func.sum(SubscriptionChange.mrr_after_minor - SubscriptionChange.mrr_before_minor)
    rows = session.execute(
        select(SubscriptionChange.move, moved)
        .where(
            SubscriptionChange.currency == currency,
            SubscriptionChange.at >= start,
            SubscriptionChange.at < end,
            SubscriptionChange.move != Move.OTHER,
        )
        .group_by(SubscriptionChange.move)
    )
    return {move: int(total) for move, total in rows}
