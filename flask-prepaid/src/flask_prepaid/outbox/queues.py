"""The rows of deliveries, queue by queue: what comes next, whoever takes it, and what came of it.

Only the first delivery of a queue that waits is tried; those behind it wait, so that order holds.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Row, Select, and_, literal, select, tuple_, update
from sqlalchemy.orm import Session

from .messages import Claim, Queue
from .models import Delivery, DeliveryState, Message, Target

#: How long whoever takes a delivery has for it, before another process may try it, too.
LEASE = timedelta(minutes=1)

#: A writer's claim that ends so soon is renewed before it delivers.
RENEWED = timedelta(seconds=30)

#: How long after a failure it is tried again, by how often it failed; the last one holds from then on.
WAITS = tuple(timedelta(seconds=s) for s in (5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 21_600))

#: For so long a receiver, a mail or an endpoint may fail.
PATIENCE = timedelta(days=3)


@dataclass(frozen=True)
class Due:
    """A delivery that is tried now, with its message. ``failing_since`` is when it failed first."""

    id: int
    queue: Queue
    tries: int
    failing_since: datetime | None
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


def of(queue: Queue, *states: DeliveryState) -> ColumnElement[bool]:
    """The deliveries of a queue that stand so, by default those that wait."""
    return and_(
        Delivery.owner == queue.owner,
        Delivery.target == queue.target,
        Delivery.endpoint_id == queue.endpoint_id,
        Delivery.state.in_(states) if states else Delivery.state == DeliveryState.WAITING,
    )


def pause(session: Session, queue: Queue) -> None:
    """Let what waits for an endpoint that is off be looked at no more."""
    _set(session, of(queue), state=DeliveryState.PAUSED)


def go_on(session: Session, queue: Queue, now: datetime) -> None:
    """Let what waits for an endpoint go out now, and what was paused."""
    held = of(queue, DeliveryState.PAUSED, DeliveryState.WAITING)
    _set(session, held, state=DeliveryState.WAITING, next_try_at=now, tries=0)


def hasten(session: Session, queue: Queue, now: datetime) -> None:
    """Let the first that waits in a queue be tried now, however often it failed; what is behind it follows.

    One that may be tried within a lease is left alone: a process may be trying it at this moment.
    """
    first = first_waiting(session, queue)
    if first is not None and first.next_try_at > now + LEASE:
        _set(session, Delivery.id == first.id, next_try_at=now)


def _set(session: Session, which: ColumnElement[bool], **values: object) -> None:
    change = update(Delivery).where(which).values(values)
    session.execute(change.execution_options(synchronize_session=False))


def take(session: Session, queue: Queue, now: datetime, mine: Claim | None = None) -> Due | None:
    """The next delivery of the queue, taken for this process; ``None`` where none is due.

    :param mine: Deliveries that this process took when it wrote them. What waits in front of the first of
        them is left to ``tick``. ``None`` is whatever comes next.
    """
    first = first_waiting(session, queue)
    if first is None or (mine is not None and first.id < min(mine.ids, default=0)):
        return None
    if mine is not None and first.id in mine.ids:
        # Whoever reads it later than this has all of a lease for it, or another process has it.
        may_try = first.next_try_at == mine.until and (
            now < mine.until - RENEWED or _claim(session, first.id, mine.until, now)
        )
    else:
        may_try = first.next_try_at <= now and _claim(session, first.id, first.next_try_at, now)
    if not may_try:
        return None
    delivery = session.get(Delivery, first.id, populate_existing=True)
    if delivery is None:
        return None
    message = session.get_one(Message, delivery.message_id)
    return Due(
        delivery.id,
        queue,
        delivery.tries,
        delivery.failing_since,
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


def note(session: Session, due: Due, outcome: Outcome, now: datetime, *, once: bool = False) -> None:
    """Write down what came of a try. What failed is tried again, for days; then it is given up.

    The days count from when the queue failed first and has not got through since: what comes behind one that
    is given up has one try, until one gets through. An endpoint's delivery is never given up here: it is the
    endpoint that is switched off.

    :param once: It is not tried again.
    """
    state, next_try_at, failing_since = DeliveryState.DONE, now, None
    if outcome.error:
        failing_since = due.failing_since or now
        patient = due.queue.target is Target.ENDPOINT or now - failing_since < PATIENCE
        state = DeliveryState.WAITING if patient and not once else DeliveryState.GIVEN_UP
        next_try_at = now + WAITS[min(due.tries, len(WAITS) - 1)]
    session.execute(
        update(Delivery)
        .where(Delivery.id == due.id, Delivery.owner == due.queue.owner)
        .values(
            state=state,
            tries=Delivery.tries + 1,
            tried_at=now,
            next_try_at=next_try_at,
            failing_since=failing_since,
            told_receivers=outcome.told_receivers,
            status=outcome.status,
            answer=outcome.error[:255] or None,
        )
        .execution_options(synchronize_session=False)
    )
    if state is DeliveryState.GIVEN_UP and not once:
        behind = first_waiting(session, due.queue)
        if behind is not None:
            fails = update(Delivery).where(Delivery.id == behind.id).values(failing_since=failing_since)
            session.execute(fails.execution_options(synchronize_session=False))


def note_told(session: Session, due: Due, receivers: Collection[str]) -> None:
    """Write down which receivers have it already."""
    session.execute(
        update(Delivery)
        .where(Delivery.id == due.id)
        .values(told_receivers=" ".join(sorted(receivers)))
        .execution_options(synchronize_session=False)
    )


def let_go(session: Session, claim: Claim, now: datetime) -> None:
    """Leave deliveries to ``tick`` that were taken when they were written, and could not go out yet.

    Those that another process has taken since are that one's.
    """
    session.execute(
        update(Delivery)
        .where(
            Delivery.id.in_(claim.ids),
            Delivery.state == DeliveryState.WAITING,
            Delivery.next_try_at == claim.until,
        )
        .values(next_try_at=now)
        .execution_options(synchronize_session=False)
    )


def first_from(queue: Queue, *, behind: bool = False) -> Select[str, Target, int, int, datetime]:
    """The first delivery that waits in a queue, or where it is empty in the one after it.

    Read in the order of the index: asked for the queue alone, a database may go through all rows by id.

    :param behind: Not in the queue itself.
    """
    key = tuple_(Delivery.owner, Delivery.target, Delivery.endpoint_id)
    here = tuple_(literal(queue.owner), literal(queue.target.value), literal(queue.endpoint_id))
    order = Delivery.owner, Delivery.target, Delivery.endpoint_id, Delivery.id
    return (
        select(*order, Delivery.next_try_at)
        .where(Delivery.state == DeliveryState.WAITING, key > here if behind else key >= here)
        .order_by(*order)
        .limit(1)
    )


def first_waiting(session: Session, queue: Queue) -> Row[str, Target, int, int, datetime] | None:
    """The delivery that a queue is at; ``None`` where nothing waits in it."""
    first = session.execute(first_from(queue)).one_or_none()
    return first if first is not None and Queue(*first[:3]) == queue else None
