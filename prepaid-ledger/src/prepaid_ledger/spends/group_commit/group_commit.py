"""Spends that wait at the same time in one process share a statement and a commit.

Whoever comes while nothing is under way leads: it takes all that wait, posts them in one
transaction, commits, and answers; meanwhile the next ones gather. No one is answered
before the commit, so nothing is less durable: the disk is only asked less often.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from sqlalchemy import Engine

from ...clock import Clock
from ...database.turns import LOCK_TIMEOUT_S
from ...errors import Busy, PrepaidError
from ..batches.budgeted_owners import BudgetedOwners
from ..batches.outcomes import Outcome
from ..single import SpendRequest, Spent, spend_alone
from .batch_writer import BatchWriter

if TYPE_CHECKING:
    from .loop_connection import LoopConnection

#: How many spends go in one batch: beyond it nothing is gained, and a failure costs more.
MAX_BATCH = 128

#: For what share of the last batch's time the next one waits for those whom that one answered.
GATHER = 0.5


class Waiter:
    """A spend that waits until it is ``served``, or has a ``role`` to play; ``woken`` is released then.

    At ``until_s`` its caller has waited long enough: nothing is begun for it any more.
    """

    def __init__(self, request: SpendRequest, until_s: float) -> None:
        self.request = request
        self.until_s = until_s
        self.spent: Spent | None = None
        self.error: Exception | None = None
        self.served = False
        self.role: Callable[[Waiter], None] | None = None
        self.woken = threading.Lock()
        self.woken.acquire()


def too_late() -> Busy:
    """What a caller is told who has waited long enough."""
    return Busy("The wallet is busy, or the database is. Try again with the same key.")


class Watcher(Protocol):
    """Told of what is spent here, for who counts it."""

    def batch(self, spends: int, seconds: float) -> None:
        """So many spends were committed together, within so many seconds."""

    def refused(self, error: PrepaidError) -> None:
        """One was refused."""


class LastBatch(NamedTuple):
    """How many a batch answered, how long it took, and when it ended."""

    size: int
    took_s: float
    ended_s: float


class GroupCommit:
    """The spends of one process on one database."""

    def __init__(self, engine: Engine, *, clock: Clock, debt_blocks: bool) -> None:
        self._engine = engine
        self._clock = clock
        self._debt_blocks = debt_blocks
        self._budgeted = BudgetedOwners()
        self._writer = BatchWriter(engine, clock=clock, debt_blocks=debt_blocks, budgeted=self._budgeted)
        self._lock = threading.Lock()
        self._waiting: deque[Waiter] = deque()
        #: Spends on a wallet that a batch has not reached, by the wallet's owner.
        self._queues: dict[str, deque[Waiter]] = {}
        self._has_leader = False
        self._last = LastBatch(size=1, took_s=0.0, ended_s=0.0)
        self._gathered = threading.Event()
        self._watchers: list[Watcher] = []

    def watch(self, watcher: Watcher) -> None:
        """Tell ``watcher`` of each batch and each refusal from now on."""
        self._watchers.append(watcher)

    def note_batch(self, spents: Iterable[Spent | None], began_s: float) -> None:
        """Tell those who watch of a batch that was committed."""
        spends = sum(spent is not None for spent in spents)
        for watcher in self._watchers if spends else ():
            watcher.batch(spends, time.monotonic() - began_s)

    def spend(self, request: SpendRequest, until_s: float | None = None) -> Spent:
        """Commit one spend, with whoever waits at the same time.

        :param until_s: When its caller has waited long enough, by ``time.monotonic``; soon by default.
        :raises InsufficientCredits: Fewer are available.
        :raises WalletBlocked: The wallet owes credits.
        :raises KeyReused: The key has posted something else.
        :raises Busy: The database did not get to it. What came of it, the same key tells.
        """
        me = Waiter(request, time.monotonic() + LOCK_TIMEOUT_S if until_s is None else until_s)
        self._join(me)
        while not me.served:
            if me.role is None:
                self._await_turn(me)
            else:
                role, me.role = me.role, None
                role(me)
        return self._answer(me)

    def spend_many(self, requests: Iterable[SpendRequest]) -> list[Spent | PrepaidError]:
        """Commit many spends, hundreds at a time; what came of each, in their order."""
        waiters = [Waiter(request, math.inf) for request in requests]
        for start in range(0, len(waiters), MAX_BATCH):
            unreached = self._post(waiters[start : start + MAX_BATCH], wait=False)
            if unreached:  # most of them by the next batch, which knows who has budgets
                self._post(unreached, wait=False)
        return [self._outcome(waiter) for waiter in waiters]

    def post(self, requests: Sequence[SpendRequest]) -> list[Outcome]:
        """Commit at once what is batchable, waiting for nobody's wallet; the others have to ``spend``.

        :raises Busy: The database did not get to them. What came of each, the same key tells.
        """
        began_s = time.monotonic()
        outcomes = self._writer.commit(requests, wait=False)
        self.note_batch((outcome.spent for outcome in outcomes), began_s)
        return outcomes

    def loop_connection(self) -> LoopConnection | None:
        """Where an event loop can post what fits one statement by itself: on PostgreSQL, by psycopg."""
        if self._engine.driver != "psycopg":
            return None
        from .loop_connection import LoopConnection  # it needs psycopg, which a host on SQLite may lack

        return LoopConnection(
            self._engine,
            clock=self._clock,
            debt_blocks=self._debt_blocks,
            budgeted=self._budgeted,
            is_parted=lambda: self._writer.is_parted,
        )

    def _outcome(self, waiter: Waiter) -> Spent | PrepaidError:
        try:
            return self._answer(waiter)
        except PrepaidError as refusal:
            return refusal

    def _answer(self, waiter: Waiter) -> Spent:
        if waiter.spent is not None:
            return waiter.spent
        try:
            if waiter.error is not None:
                raise waiter.error
            return self._spend_alone(waiter)
        except PrepaidError as refusal:
            for watcher in self._watchers:
                watcher.refused(refusal)
            raise

    def _spend_alone(self, waiter: Waiter) -> Spent:
        began_s = time.monotonic()
        if began_s >= waiter.until_s:
            raise too_late()
        spent = spend_alone(
            self._engine,
            waiter.request,
            clock=self._clock,
            debt_blocks=self._debt_blocks,
            within_s=min(waiter.until_s - began_s, LOCK_TIMEOUT_S),
        )
        self.note_batch([spent], began_s)
        return spent

    def _join(self, me: Waiter) -> None:
        """Lead, or wait with the others: those of the same wallet, where it has to be waited for."""
        with self._lock:
            queue = self._queues.get(me.request.owner)
            if queue is not None:
                queue.append(me)
            elif self._has_leader:
                self._waiting.append(me)
                if self._are_back():
                    self._gathered.set()
            else:
                self._has_leader = True
                me.role = self._lead

    def _await_turn(self, me: Waiter) -> None:
        """Wait to be woken. Whoever still stands in a queue when its time is over leaves it."""
        if me.woken.acquire(timeout=max(0.0, me.until_s - time.monotonic())):
            return
        with self._lock:
            for queue in (self._waiting, self._queues.get(me.request.owner)):
                if queue is not None and me in queue:
                    queue.remove(me)
                    me.served = True
                    return
        me.woken.acquire()  # it is being posted, or leads next

    def _lead(self, me: Waiter) -> None:
        """Post all that wait, hand the lead over, and wake those that have their answer."""
        batch, unreached = [me], list[Waiter]()
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
                self._last = LastBatch(len(batch), ended_s - began_s, ended_s)
                self._gathered.clear()
                next_leader = self._waiting.popleft() if self._waiting else None
                self._has_leader = next_leader is not None
                first = self._queue_up(unreached)
            if next_leader is not None:
                self._give_role(next_leader, self._lead, me)
            for waiter in first:
                self._give_role(waiter, self._wait_for_wallet, me)
            left = set(unreached)
            self._serve((waiter for waiter in batch if waiter not in left), me)

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

    def _queue_up(self, unreached: Iterable[Waiter]) -> list[Waiter]:
        """Put each spend whose wallet was not reached into a queue; returns the first of each queue."""
        first = []
        for waiter in unreached:
            queue = self._queues.get(waiter.request.owner)
            if queue is None:
                self._queues[waiter.request.owner] = deque()
                first.append(waiter)
            else:
                queue.append(waiter)
        return first

    def _wait_for_wallet(self, me: Waiter) -> None:
        """Post the spends of one wallet as soon as it can be had; the next in its queue waits again."""
        queue = self._queues[me.request.owner]
        with self._lock:
            batch = [me, *self._take(queue)]
        try:
            self._post(batch, wait=True)
        finally:
            with self._lock:
                next_leader = queue.popleft() if queue else None
                if next_leader is None:
                    del self._queues[me.request.owner]
            if next_leader is not None:
                self._give_role(next_leader, self._wait_for_wallet, me)
            self._serve(batch, me)

    def _take(self, queue: deque[Waiter]) -> list[Waiter]:
        return [queue.popleft() for _ in range(min(len(queue), MAX_BATCH - 1))]

    def _give_role(self, waiter: Waiter, role: Callable[[Waiter], None], me: Waiter) -> None:
        waiter.role = role
        if waiter is not me:
            waiter.woken.release()

    def _serve(self, waiters: Iterable[Waiter], me: Waiter) -> None:
        """Let them go with what they have; one that has neither a spend nor an error goes alone."""
        for waiter in waiters:
            waiter.served = True
            if waiter is not me:
                waiter.woken.release()

    def _post(self, waiters: Sequence[Waiter], *, wait: bool) -> list[Waiter]:
        """Give each what came of it, if anything; those whose wallet could not be had."""
        began_s = time.monotonic()
        try:
            outcomes = self._writer.commit([waiter.request for waiter in waiters], wait=wait)
        except Busy as busy:
            for waiter in waiters:
                waiter.error = busy
            return []
        self.note_batch((outcome.spent for outcome in outcomes), began_s)
        for waiter, outcome in zip(waiters, outcomes, strict=True):
            waiter.spent = outcome.spent
        return [waiter for waiter, outcome in zip(waiters, outcomes, strict=True) if not outcome.reached]
