"""The queues whose first delivery is due, found without reading all that waits."""

from __future__ import annotations

import secrets
import string
from collections.abc import Iterable
from datetime import datetime
from itertools import islice, takewhile

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import Session

from .messages import Queue
from .models import Delivery, DeliveryState, Target
from .queues import first_from, first_waiting

#: So many deliveries that are due are looked at in one go, to find their queues.
WINDOW = 1_000

#: So many queues are looked for one after the other, where those in the window are no use.
SCANNED = 300


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


def _goes_to(endpoints: bool) -> ColumnElement[bool]:
    return Delivery.target == Target.ENDPOINT if endpoints else Delivery.target != Target.ENDPOINT


def _is_due(session: Session, queue: Queue, now: datetime) -> bool:
    first = first_waiting(session, queue)
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
