"""Spends that wait at the same time in one process share a statement and a commit.

Whoever comes while nothing is under way leads: it takes all that wait, posts them in one
transaction, commits, and answers; meanwhile the next ones gather. No one is answered
before the commit, so nothing is less durable: the disk is only asked less often.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import Connection, Engine, event, exc

from ..clock import Clock
from ..database.engine import turn
from ..errors import Busy, PrepaidError
from . import batch as batches
from .batch import Outcome
from .host_insert import fit_one_statement
from .single import Ask, Spent, spend_alone

if TYPE_CHECKING:
    from .connection import Line

log = logging.getLogger(__name__)

#: The most spends in one batch: beyond it nothing is gained, and a failure costs more.
MOST = 128

#: For what share of the last batch's time the next one waits for those whom that one answered.
GATHER = 0.5


class Seat:
    """Where one spend waits until it is ``served``, or has a ``duty``; ``woken`` is released then."""

    def __init__(self, ask: Ask) -> None:
        self.ask = ask
        self.spent: Spent | None = None
        self.error: Exception | None = None
        self.served = False
        self.duty: Callable[[Seat], None] | None = None
        self.woken = threading.Lock()
        self.woken.acquire()


class Round(NamedTuple):
    """How many a batch answered, how long it took, and when it ended."""

    size: int
    took_s: float
    ended_s: float


class GroupCommit:
    """The spends of one process on one database."""

    def __init__(self, engine: Engine, *, clock: Clock, debt_blocks: bool) -> None:
        self._engine = engine
        if engine.dialect.name == "postgresql":
            self._together = engine.execution_options(isolation_level="READ COMMITTED")
            # One statement is a transaction of its own: no round trips for BEGIN and COMMIT.
            self._at_once = engine.execution_options(isolation_level="AUTOCOMMIT")
            event.listen(engine, "engine_disposed", self._close)
        self._kept: Connection | None = None
        self._kept_by = 0
        self._keeping = threading.Lock()
        self._clock = clock
        self._debt_blocks = debt_blocks
        self._lock = threading.Lock()
        self._waiting: deque[Seat] = deque()
        #: Who waits for a wallet that another process holds, by its owner.
        self._queues: dict[str, deque[Seat]] = {}
        self._is_led = False
        self._last = Round(size=1, took_s=0.0, ended_s=0.0)
        self._gathered = threading.Event()

    def spend(self, ask: Ask) -> Spent:
        """Commit one spend, with whoever waits at the same time.

        :raises InsufficientCredits: Fewer are available.
        :raises WalletBlocked: The wallet owes credits.
        :raises KeyReused: The key has posted something else.
        :raises Busy: The database did not get to it. What came of it, the same key tells.
        """
        seat = Seat(ask)
        self._sit(seat)
        while not seat.served:
            if seat.duty is None:
                seat.woken.acquire()
            else:
                duty, seat.duty = seat.duty, None
                duty(seat)
        return self._answer(seat)

    def spend_many(self, asks: Iterable[Ask]) -> list[Spent | PrepaidError]:
        """Commit many spends, hundreds at a time; what came of each, in their order."""
        seats = [Seat(ask) for ask in asks]
        for start in range(0, len(seats), MOST):
            self._post(seats[start : start + MOST], wait=False)
        return [self._outcome(seat) for seat in seats]

    def post(self, asks: Sequence[Ask]) -> list[Spent | None]:
        """Commit at once what is plain of ``asks``, waiting for nobody's wallet; ``None`` has to ``spend``.

        :raises Busy: The database did not get to them. What came of each, the same key tells.
        """
        return [outcome.spent for outcome in self._commit(asks, wait=False)]

    def line(self) -> Line | None:
        """Where an event loop can post what fits one statement by itself: on PostgreSQL, by psycopg."""
        if self._engine.driver != "psycopg":
            return None
        from .connection import Line

        return Line(self._engine, clock=self._clock, debt_blocks=self._debt_blocks)

    def _outcome(self, seat: Seat) -> Spent | PrepaidError:
        try:
            return self._answer(seat)
        except PrepaidError as refusal:
            return refusal

    def _answer(self, seat: Seat) -> Spent:
        if seat.error is not None:
            raise seat.error
        if seat.spent is not None:
            return seat.spent
        return spend_alone(self._engine, seat.ask, clock=self._clock, debt_blocks=self._debt_blocks)

    def _sit(self, seat: Seat) -> None:
        """Lead, or wait with the others: those of the same wallet, where it has to be waited for."""
        with self._lock:
            queue = self._queues.get(seat.ask.owner)
            if queue is not None:
                queue.append(seat)
            elif self._is_led:
                self._waiting.append(seat)
                if self._are_back():
                    self._gathered.set()
            else:
                self._is_led = True
                seat.duty = self._lead

    def _lead(self, me: Seat) -> None:
        """Post all that wait, hand the lead over, and wake those that have their answer."""
        batch, unreached = [me], list[Seat]()
        began_s = time.monotonic()
        try:
            self._gather(began_s)
            with self._lock:
                batch += self._take(self._waiting)
            began_s = time.monotonic()
            unreached = self._post(batch, wait=False)
        finally:
            with self._lock:
                ended_s = time.monotonic()
                self._last = Round(len(batch), ended_s - began_s, ended_s)
                self._gathered.clear()
                heir = self._waiting.popleft() if self._waiting else None
                self._is_led = heir is not None
                first = self._queue_up(unreached)
            if heir is not None:
                self._hand(heir, self._lead, me)
            for seat in first:
                self._hand(seat, self._wait_for_wallet, me)
            left = set(unreached)
            self._serve((seat for seat in batch if seat not in left), me)

    def _gather(self, now_s: float) -> None:
        """Wait a moment for as many as the last batch answered.

        Programs that call again and again come back as soon as they are answered. Without this
        the first of them goes alone, and all the others wait for its commit and then for theirs.
        """
        left_s = self._last.ended_s + GATHER * self._last.took_s - now_s
        if left_s > 0 and not self._are_back():
            self._gathered.wait(left_s)

    def _are_back(self) -> bool:
        return len(self._waiting) + 1 >= self._last.size

    def _queue_up(self, unreached: Iterable[Seat]) -> list[Seat]:
        """Put those whose wallet somebody else holds in its queue; who is the first of one."""
        first = []
        for seat in unreached:
            queue = self._queues.get(seat.ask.owner)
            if queue is None:
                self._queues[seat.ask.owner] = deque()
                first.append(seat)
            else:
                queue.append(seat)
        return first

    def _wait_for_wallet(self, me: Seat) -> None:
        """Post the spends of one wallet as soon as it can be had; the next in its queue waits again."""
        queue = self._queues[me.ask.owner]
        with self._lock:
            batch = [me, *self._take(queue)]
        try:
            self._post(batch, wait=True)
        finally:
            with self._lock:
                heir = queue.popleft() if queue else None
                if heir is None:
                    del self._queues[me.ask.owner]
            if heir is not None:
                self._hand(heir, self._wait_for_wallet, me)
            self._serve(batch, me)

    def _take(self, queue: deque[Seat]) -> list[Seat]:
        return [queue.popleft() for _ in range(min(len(queue), MOST - 1))]

    def _hand(self, seat: Seat, duty: Callable[[Seat], None], me: Seat) -> None:
        seat.duty = duty
        if seat is not me:
            seat.woken.release()

    def _serve(self, seats: Iterable[Seat], me: Seat) -> None:
        """Let them go with what they have; who has neither a spend nor an error goes alone."""
        for seat in seats:
            seat.served = True
            if seat is not me:
                seat.woken.release()

    def _post(self, seats: Sequence[Seat], *, wait: bool) -> list[Seat]:
        """Tell each what came of it, if anything; those whose wallet could not be had."""
        try:
            outcomes = self._commit([seat.ask for seat in seats], wait=wait)
        except Busy as busy:
            for seat in seats:
                seat.error = busy
            return []
        for seat, outcome in zip(seats, outcomes, strict=True):
            seat.spent = outcome.spent
        return [seat for seat, outcome in zip(seats, outcomes, strict=True) if not outcome.reached]

    def _commit(self, asks: Sequence[Ask], *, wait: bool) -> list[Outcome]:
        """Commit what is plain; what came of each. The others are left to go alone.

        :raises Busy: The database did not get to them.
        """
        places = batches.one_of_each_key(asks)
        first = [asks[place] for place in places]
        outcomes = [Outcome(reached=True, spent=None)] * len(asks)
        try:
            with self._transaction(first) as connection:
                posted = batches.post(
                    connection, first, now=self._clock(), debt_blocks=self._debt_blocks, wait=wait
                )
        except Busy:
            raise
        except Exception:
            # One that cannot be posted takes all with it. Alone, it alone is told why; and where the
            # answer to COMMIT was lost, the keys tell what came of it.
            log.debug("a batch of %d spends failed; each goes alone", len(first), exc_info=True)
            return outcomes
        for place, outcome in zip(places, posted, strict=True):
            outcomes[place] = outcome
        return outcomes

    @contextmanager
    def _transaction(self, asks: Sequence[Ask]) -> Iterator[Connection]:
        if self._engine.dialect.name == "sqlite":
            with turn(self._engine), self._engine.begin() as connection:
                try:
                    connection.exec_driver_sql("BEGIN IMMEDIATE")  # what is read from here on stays so
                except exc.OperationalError as error:
                    raise Busy("The database is busy. Nothing was moved; try again.") from error
                yield connection
        elif fit_one_statement(asks):
            with self._open() as connection:
                yield connection
        else:
            with self._together.begin() as connection:
                yield connection

    @contextmanager
    def _open(self) -> Iterator[Connection]:
        """A connection where each statement commits: the one that is kept, unless another batch is on it.

        To take one from the pool and give it back costs a third of a small batch.
        """
        if not self._keeping.acquire(blocking=False):
            with self._at_once.connect() as connection:
                yield connection
            return
        try:
            if self._kept is None or self._kept_by != os.getpid():
                self._kept, self._kept_by = self._at_once.connect(), os.getpid()
                self._kept.detach()  # the pool makes up for it
            yield self._kept
        except BaseException:
            self._close()
            raise
        finally:
            self._keeping.release()

    def _close(self, *_: object) -> None:
        kept, self._kept = self._kept, None
        if kept is not None and self._kept_by == os.getpid():
            kept.close()
