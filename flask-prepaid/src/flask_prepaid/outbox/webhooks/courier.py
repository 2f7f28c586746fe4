"""Messages go to customers' endpoints: by ``tick``, several at once, each endpoint's one after the other.

A slow or dead server holds up its own queue, and of one owner's slow servers all hold up two threads at most.
It runs in threads, beside the host's session.
"""

from __future__ import annotations

import logging
import time
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock

from sqlalchemy import Engine, and_, delete, update
from sqlalchemy.orm import Session

from prepaid_ledger import Unit
from prepaid_ledger.clock import Clock

from ... import signals
from ...context import apart
from ...languages.words import marked
from .. import messages, queues
from ..messages import Queue
from ..models import Delivery, DeliveryState, OffBecause, WebhookEndpoint
from ..queues import Due, Outcome
from . import customer_events
from .http import Poster, WebhookAnswer

log = logging.getLogger(__name__)

#: Endpoints that are asked at once.
AT_ONCE = 8

#: Of one owner's.
PER_OWNER = 2

#: For how long one tick begins with another message; the next tick goes on.
BUDGET_S = 20.0


@dataclass(frozen=True)
class Courier:
    """Delivers to the endpoints of one app.

    :param mailed: The names of the signals that are written to the customer, as ``endpoint_stopped``.
    """

    engine: Engine
    clock: Clock
    poster: Poster
    unit: Unit
    mailed: frozenset[str]

    def deliver(self, due: Sequence[Queue]) -> None:
        """Deliver what waits in these queues, until each is empty or fails, or the time of a tick is over."""
        until, turns = time.monotonic() + BUDGET_S, Turns(due)
        if not due:
            return
        with ThreadPoolExecutor(min(AT_ONCE, len(due))) as threads:
            for _ in due[:AT_ONCE]:
                threads.submit(self._work, turns, until)

    def _work(self, turns: Turns, until: float) -> None:
        while time.monotonic() < until and (queue := turns.take()) is not None:
            has_more = False
            try:
                has_more = self.deliver_next(queue)
            except Exception:
                log.exception("endpoint %s could not be told; tick tries it again", queue.endpoint_id)
            finally:
                turns.give_back(queue, has_more=has_more)

    def deliver_next(self, queue: Queue) -> bool:
        """Deliver the next message of a queue; whether one after it may be tried."""
        with apart(self.engine) as session:
            taken = self._take(session, queue)
        if taken is None:
            return False
        due, endpoint = taken
        posted = self.post(endpoint, due.uid, due.signal, due.data, due.at)
        with apart(self.engine) as session:
            self._note(session, due, posted)
        return not posted.error

    def _take(self, session: Session, queue: Queue) -> tuple[Due, WebhookEndpoint] | None:
        """The next delivery of the queue with its endpoint.

        What goes to one that is gone goes away, and what waits for one that is off is paused.
        """
        endpoint = session.get(WebhookEndpoint, queue.endpoint_id)
        if endpoint is None:
            session.execute(delete(Delivery).where(queues.of(queue)))
            return None
        if endpoint.off_because is not None:
            queues.pause(session, queue)
            session.refresh(endpoint)
            if endpoint.off_because is None:  # its owner was faster
                session.rollback()
            return None
        due = queues.take(session, queue, self.clock())
        if due is None:
            return None
        session.expunge(endpoint)
        return due, endpoint

    def post(
        self, endpoint: WebhookEndpoint, uid: str, signal: str, data: str, at: datetime
    ) -> WebhookAnswer:
        body = customer_events.body(signal, messages.decoded(data), at, self.unit)
        secrets = [endpoint.secret]
        if endpoint.old_secret and endpoint.old_until and endpoint.old_until > self.clock():
            secrets.append(endpoint.old_secret)
        return self.poster.post(endpoint.url, secrets, uid=uid, body=body)

    def _note(self, session: Session, due: Due, posted: WebhookAnswer) -> None:
        now = self.clock()
        queues.note(session, due, Outcome(posted.error, status=posted.status), now)
        if posted.is_gone:  # deliveries come before their endpoint, whoever locks both
            ended = {"state": DeliveryState.GIVEN_UP}
            session.execute(update(Delivery).where(queues.of(due.queue)).values(ended))
        mine = and_(WebhookEndpoint.id == due.queue.endpoint_id, WebhookEndpoint.owner == due.queue.owner)
        if not posted.error:
            session.execute(
                update(WebhookEndpoint)
                .where(mine, WebhookEndpoint.failing_since.is_not(None))
                .values(failing_since=None)
            )
            return
        session.execute(
            update(WebhookEndpoint)
            .where(mine, WebhookEndpoint.failing_since.is_(None))
            .values(failing_since=now)
        )
        if posted.is_gone:
            self._switch_off(session, due.queue, OffBecause.GONE, now)
        else:
            self._switch_off(session, due.queue, OffBecause.FAILED, now)

    def _switch_off(self, session: Session, queue: Queue, because: OffBecause, now: datetime) -> None:
        """End an endpoint that is gone, or that failed for days, and tell its owner, once."""
        which = [WebhookEndpoint.id == queue.endpoint_id, WebhookEndpoint.owner == queue.owner]
        which.append(WebhookEndpoint.off_because.is_(None))
        if because is OffBecause.FAILED:
            which.append(WebhookEndpoint.failing_since <= now - queues.PATIENCE)
        url = session.scalar(
            update(WebhookEndpoint)
            .where(*which)
            .values(off_because=because)
            .returning(WebhookEndpoint.url)
            .execution_options(synchronize_session=False)
        )
        if url is None:
            return
        reason = (
            marked("it failed for three days")
            if because is OffBecause.FAILED
            else marked("it answered 410 Gone")
        )
        stopped = {"owner": queue.owner, "endpoint_id": queue.endpoint_id, "url": url, "reason": reason}
        messages.write(
            session,
            [(signals.endpoint_stopped, stopped)],
            mailed=self.mailed,
            now=now,
            claimed=timedelta(),
        )


class Turns:
    """Whose queue is next: each in turn, and of one owner so many at once.

    A thread that gets none ends; those that still hold a queue take whatever waits behind it.
    """

    def __init__(self, queues: Iterable[Queue]) -> None:
        self._waiting = deque(queues)
        self._held: Counter[str] = Counter()
        self._lock = Lock()

    def take(self) -> Queue | None:
        with self._lock:
            for _ in range(len(self._waiting)):
                queue = self._waiting.popleft()
                if self._held[queue.owner] < PER_OWNER:
                    self._held[queue.owner] += 1
                    return queue
                self._waiting.append(queue)
        return None

    def give_back(self, queue: Queue, *, has_more: bool) -> None:
        with self._lock:
            self._held[queue.owner] -= 1
            if has_more:
                self._waiting.append(queue)
