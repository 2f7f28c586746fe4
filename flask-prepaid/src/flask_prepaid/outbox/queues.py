"""The rows of deliveries, queue by queue: what comes next, whoever takes it, and what came of it.

Only the first delivery of a queue that waits is tried; those behind it wait, so that order holds.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice, takewhile

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


#: So many deliveries that are due are looked at in one go, to find their queues.
WINDOW = 1_000

#: So many queues are looked for one after the other, where those in the window are no use.
SCANNED = 300


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
    first = _first(session, queue)
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
    first = _first(session, queue)
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
        behind = _first(session, due.queue)
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


def due(session: Session, now: datetime, *, limit: int, endpoints: bool) -> list[Queue]:
    """The queues whose first delivery is to be tried now, the one that waits longest first.

    However long a queue is, it is looked at by its first delivery alone. What is due behind a first one that
    fails may fill the ``WINDOW``; then queues are looked for one after the other, from somewhere on.

    :param endpoints: Those to endpoints; otherwise those to receivers and mailboxes.
    """
    rows = session.execute(due_rows(now, endpoints=endpoints)).all()
    waiting = dict.fromkeys(Queue(*row) for row in rows)
    ready = _ready(session, waiting, now, limit)
    if len(rows) == WINDOW and len(ready) < limit:
        others = dict.fromkeys(_some_queues(session, endpoints=endpoints))
        unseen = (queue for queue in others if queue not in waiting)
        ready += _ready(session, unseen, now, limit - len(ready))
    return ready


def _ready(session: Session, queues: Iterable[Queue], now: datetime, limit: int) -> list[Queue]:
    """Those of the queues whose first delivery is to be tried now, so many at most."""
    return list(islice((queue for queue in queues if _is_due(session, queue, now)), limit))


def due_rows(now: datetime, *, endpoints: bool) -> Select[str, Target, int]:
    """The queues of the deliveries that are due, first or not; the one that waits longest first."""
    return (
        select(Delivery.owner, Delivery.target, Delivery.endpoint_id)
        .where(Delivery.state == DeliveryState.WAITING, Delivery.next_try_at <= now, _goes_to(endpoints))
        .order_by(Delivery.next_try_at, Delivery.id)
        .limit(WINDOW)
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


def _goes_to(endpoints: bool) -> ColumnElement[bool]:
    return Delivery.target == Target.ENDPOINT if endpoints else Delivery.target != Target.ENDPOINT


def _first(session: Session, queue: Queue) -> Row[str, Target, int, int, datetime] | None:
    first = session.execute(first_from(queue)).one_or_none()
    return first if first is not None and Queue(*first[:3]) == queue else None


def _is_due(session: Session, queue: Queue, now: datetime) -> bool:
    first = _first(session, queue)
    return first is not None and first.next_try_at <= now


def _some_queues(session: Session, *, endpoints: bool) -> list[Queue]:
    """Queues with something that waits, so many at most, from a random one on, and then from the first."""
    queues: list[Queue] = []
    for start in (_somewhere(session), ""):
        at, seen = Queue(start, Target.ENDPOINT), 0
        while seen < SCANNED:
            row = session.execute(first_from(at, behind=True)).one_or_none()
            if row is None:
                break
            at, seen = Queue(*row[:3]), seen + 1
            if (at.target is Target.ENDPOINT) is endpoints:
                queues.append(at)
    return queues


def _somewhere(session: Session) -> str:
    """A text between the first owner and the last of whom something waits, by chance."""
    waits = select(Delivery.owner).where(Delivery.state == DeliveryState.WAITING).limit(1)
    ends = [session.scalar(waits.order_by(order)) or "" for order in (Delivery.owner, Delivery.owner.desc())]
    pairs = takewhile(lambda pair: pair[0] == pair[1], zip(*ends, strict=False))
    same = "".join(letter for letter, _ in pairs)
    low, high = (end[len(same) : len(same) + 1] for end in ends)
    is_number = "".join(end[len(same) :] for end in ends).isdigit()
    letters = string.digits if is_number else string.digits + string.ascii_lowercase
    between = [letter for letter in letters if low <= letter <= high] or [high]
    return same + secrets.choice(between) + "".join(secrets.choice(letters) for _ in range(3))
