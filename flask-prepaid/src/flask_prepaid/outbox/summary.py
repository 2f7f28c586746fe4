"""What waits in the outbox and what fails: for operators, ``doctor`` and Prometheus."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from . import due_queues
from .models import Delivery, DeliveryState, Message, Target, WebhookEndpoint

#: What ``tick`` should have done so long ago shows that no tick runs.
TICK_MISSED = timedelta(minutes=30)

#: So many queues are counted; more are not.
MANY = 1_000

#: So often a receiver or a mail has failed before it is worth a line.
OFTEN = 3


@dataclass(frozen=True)
class Waits:
    """How many deliveries to one target wait, how many of them have failed, and the oldest one's time."""

    target: Target
    count: int
    failing: int
    oldest_at: datetime


def waiting(session: Session) -> list[Waits]:
    """What waits, by target; not what waits for an endpoint that is off."""
    failing = func.count().filter(Delivery.tries > 0)
    rows = session.execute(
        select(Delivery.target, func.count(), failing, func.min(Message.at))
        .join(Message, Message.id == Delivery.message_id)
        .where(Delivery.state == DeliveryState.WAITING)
        .group_by(Delivery.target)
        .order_by(Delivery.target)
    )
    return [Waits(*row) for row in rows]


def waiting_count(session: Session) -> int:
    """How many deliveries wait, of those that can go out."""
    waits = select(func.count()).select_from(Delivery)
    return session.scalar(waits.where(Delivery.state == DeliveryState.WAITING)) or 0


def failing(session: Session) -> tuple[int, str | None]:
    """How many deliveries to receivers and mailboxes have failed often, and what one of them said."""
    which = (
        Delivery.state == DeliveryState.WAITING,
        Delivery.target != Target.ENDPOINT,
        Delivery.tries >= OFTEN,
    )
    count, answer = session.execute(select(func.count(), func.min(Delivery.answer)).where(*which)).one()
    return count, answer


def overdue_count(session: Session, now: datetime, *, endpoints: bool) -> int:
    """How many queues a tick should have emptied half an hour ago; ``MANY`` is as many or more.

    :param endpoints: Those to endpoints; otherwise those to receivers and mailboxes.
    """
    return len(due_queues.due(session, now - TICK_MISSED, limit=MANY, endpoints=endpoints))


def endpoints_on(session: Session) -> tuple[int, int, datetime | None]:
    """How many endpoints of customers are on, how many of them fail, and since when the first one does."""
    failing = func.count(WebhookEndpoint.failing_since)
    on = WebhookEndpoint.off_because.is_(None)
    count, fail, since = session.execute(
        select(func.count(), failing, func.min(WebhookEndpoint.failing_since)).where(on)
    ).one()
    return count, fail, since
