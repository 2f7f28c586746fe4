"""The rows of deliveries, queue by queue: what comes next, whoever takes it, and what came of it.

Only the first delivery of a queue that waits is tried; those behind it wait, so that order holds.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, select, update
from sqlalchemy.orm import Session, aliased

from .messages import Queue
from .models import Delivery, DeliveryState, Message, Target, WebhookEndpoint

#: How long whoever takes a delivery has for it, before another process may try it, too.
LEASE = timedelta(minutes=1)

#: How long after a failure it is tried again, by how often it failed; the last one holds from then on.
WAITS = tuple(timedelta(seconds=s) for s in (5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 21_600))

#: For so long a receiver, a mail or an endpoint may fail.
PATIENCE = timedelta(days=3)


@dataclass(frozen=True)
class Due:
    """A delivery that is tried now, with its message."""

    id: int
    queue: Queue
    tries: int
    told_receivers: str | None
    uid: str
    signal: str
    data: str
    at: datetime


@dataclass(frozen=True)
class Outcome:
    """What came of a try. ``error`` is for people, empty where it was delivered."""

    error: str = ""
    told_receivers: str | None = None
    status: int | None = None


def of(queue: Queue) -> ColumnElement[bool]:
    """The deliveries of a queue that wait."""
    return and_(
        Delivery.owner == queue.owner,
        Delivery.target == queue.target,
        Delivery.endpoint_id == queue.endpoint_id,
        Delivery.state == DeliveryState.WAITING,
    )


def take(session: Session, queue: Queue, now: datetime, mine: Collection[int] = ()) -> Due | None:
    """The next delivery of the queue, taken for this process; ``None`` where none is due.

    :param mine: Deliveries that this process took when it wrote them.
    """
    row = session.execute(
        select(Delivery, Message)
        .join(Message, Message.id == Delivery.message_id)
        .where(of(queue))
        .order_by(Delivery.id)
        .limit(1)
    ).one_or_none()
    if row is None:
        return None
    delivery, message = row
    if delivery.id not in mine:
        seen = delivery.next_try_at
        if seen > now or not _claim(session, delivery.id, seen, now):
            return None
    return Due(
        delivery.id,
        queue,
        delivery.tries,
        delivery.told_receivers,
        *(message.uid, message.signal, message.data, message.at),
    )


def _claim(session: Session, delivery_id: int, seen: datetime, now: datetime) -> bool:
    """Whether this process is the one that tries it; of two that see it at once, one is."""
    claim = (
        update(Delivery)
        .where(
            Delivery.id == delivery_id,
            Delivery.state == DeliveryState.WAITING,
            Delivery.next_try_at == seen,
        )
        .values(next_try_at=now + LEASE)
        .returning(Delivery.id)
        .execution_options(synchronize_session=False)
    )
    return session.scalar(claim) is not None


def note(session: Session, due: Due, outcome: Outcome, now: datetime) -> DeliveryState:
    """Write down what came of a try. What failed is tried again, for days; then it is given up.

    An endpoint's delivery is never given up here: it is the endpoint that is switched off.
    """
    state, next_try_at = DeliveryState.DONE, now
    if outcome.error:
        patient = due.queue.target is Target.ENDPOINT or now - due.at < PATIENCE
        state = DeliveryState.WAITING if patient else DeliveryState.GIVEN_UP
        next_try_at = now + WAITS[min(due.tries, len(WAITS) - 1)]
    session.execute(
        update(Delivery)
        .where(Delivery.id == due.id, Delivery.owner == due.queue.owner)
        .values(
            state=state,
            tries=Delivery.tries + 1,
            tried_at=now,
            next_try_at=next_try_at,
            told_receivers=outcome.told_receivers,
            status=outcome.status,
            answer=outcome.error[:255] or None,
        )
        .execution_options(synchronize_session=False)
    )
    return state


def note_told(session: Session, due: Due, receivers: Collection[str]) -> None:
    """Write down which receivers have it already."""
    session.execute(
        update(Delivery)
        .where(Delivery.id == due.id)
        .values(told_receivers=" ".join(sorted(receivers)))
        .execution_options(synchronize_session=False)
    )


def let_go(session: Session, ids: Collection[int], now: datetime) -> None:
    """Leave deliveries to ``tick`` that were taken when they were written, and could not go out yet."""
    session.execute(
        update(Delivery)
        .where(Delivery.id.in_(ids), Delivery.state == DeliveryState.WAITING, Delivery.tries == 0)
        .values(next_try_at=now)
        .execution_options(synchronize_session=False)
    )


def due(session: Session, now: datetime, *, limit: int, endpoints: bool) -> list[Queue]:
    """The queues whose first delivery is to be tried now, the one that waits longest first.

    :param endpoints: Those to endpoints that are on; otherwise those to receivers and mailboxes.
    """
    earlier = aliased(Delivery)
    is_first = ~(
        select(earlier.id)
        .where(
            earlier.state == DeliveryState.WAITING,
            earlier.owner == Delivery.owner,
            earlier.target == Delivery.target,
            earlier.endpoint_id == Delivery.endpoint_id,
            earlier.id < Delivery.id,
        )
        .exists()
    )
    off = select(WebhookEndpoint.id).where(WebhookEndpoint.off_because.is_not(None))
    which = (
        (Delivery.target == Target.ENDPOINT, Delivery.endpoint_id.not_in(off))
        if endpoints
        else (Delivery.target != Target.ENDPOINT,)
    )
    rows = session.execute(
        select(Delivery.owner, Delivery.target, Delivery.endpoint_id)
        .where(Delivery.state == DeliveryState.WAITING, Delivery.next_try_at <= now, *which, is_first)
        .order_by(Delivery.next_try_at, Delivery.id)
        .limit(limit)
    )
    return [Queue(*row) for row in rows]
