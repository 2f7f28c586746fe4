"""Spends that wait at the same time in one process share a statement and a commit.

Whoever comes while nothing is under way leads: it takes all that wait, posts them in one
transaction, commits, and answers; meanwhile the next ones gather. No one is answered
before the commit, so nothing is less durable: the disk is only asked less often.
"""

from __future__ import annotations

import logging
import threading
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, exc

from . import batches
from .carrying import carried
from .clock import Clock
from .database import limited_patience, turn
from .errors import Busy, PrepaidError
from .spending import Ask, Spent, spend_alone

log = logging.getLogger(__name__)

#: The most spends in one batch: beyond it nothing is gained, and a failure costs more.
MOST = 128


class Seat:
    """Where one spend waits. ``woken`` is released when it has an answer, or when it is to lead."""

    def __init__(self, ask: Ask) -> None:
        self.ask = ask
        self.spent: Spent | None = None
        self.error: Exception | None = None
        self.served = False
        self.neighbours: list[Seat] = []
        self.woken = threading.Lock()
        self.woken.acquire()


class GroupCommit:
    """The spends of one process on one database."""

    def __init__(self, engine: Engine, *, clock: Clock, debt_blocks: bool) -> None:
        self._engine = engine
        if engine.dialect.name == "postgresql":
            self._together = engine.execution_options(isolation_level="READ COMMITTED")
            # One statement is a transaction of its own: no round trips for BEGIN and COMMIT.
            self._at_once = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._clock = clock
        self._debt_blocks = debt_blocks
        self._lock = threading.Lock()
        self._waiting: deque[Seat] = deque()
        self._is_led = False

    def spend(self, ask: Ask) -> Spent:
        """Commit one spend, with whoever waits at the same time.

        :raises InsufficientCredits: Fewer are available.
        :raises WalletBlocked: The wallet owes credits.
        :raises KeyReused: The key has posted something else.
        :raises Busy: The database did not get to it. What came of it, the same key tells.
        """
        seat = Seat(ask)
        with self._lock:
            leads = not self._is_led
            if leads:
                self._is_led = True
            else:
                self._waiting.append(seat)
        if not leads:
            seat.woken.acquire()
        if not seat.served:
            self._lead(seat)
        if seat.neighbours:
            self._wait_for_wallet(seat.neighbours)
        return self._answer(seat)

    def spend_many(self, asks: Iterable[Ask]) -> list[Spent | PrepaidError]:
        """Commit many spends, hundreds at a time; what came of each, in their order."""
        seats = [Seat(ask) for ask in asks]
        for start in range(0, len(seats), MOST):
            self._post(seats[start : start + MOST], wait=False)
        return [self._outcome(seat) for seat in seats]

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

    def _lead(self, seat: Seat) -> None:
        """Post all that wait, hand the lead over, and wake those that have their answer."""
        with self._lock:
            others = [self._waiting.popleft() for _ in range(min(len(self._waiting), MOST - 1))]
        batch = [seat, *others]
        asleep: set[Seat] = set()
        try:
            asleep = self._gather(self._post(batch, wait=False))
        finally:
            with self._lock:
                heir = self._waiting.popleft() if self._waiting else None
                self._is_led = heir is not None
            if heir is not None:
                heir.woken.release()
            for served in batch:
                served.served = True
                if served is not seat and served not in asleep:
                    served.woken.release()

    def _gather(self, unreached: list[Seat]) -> set[Seat]:
        """Let those whose wallet somebody else holds wait for it together; all but the first stay asleep."""
        by_owner: defaultdict[str, list[Seat]] = defaultdict(list)
        for seat in unreached:
            by_owner[seat.ask.owner].append(seat)
        asleep: set[Seat] = set()
        for first, *others in by_owner.values():
            if others:
                first.neighbours = [first, *others]
                asleep.update(others)
        return asleep

    def _wait_for_wallet(self, seats: list[Seat]) -> None:
        """Post the spends of one wallet as soon as it can be had."""
        try:
            self._post(seats, wait=True)
        finally:
            for seat in seats[1:]:
                seat.woken.release()

    def _post(self, seats: Sequence[Seat], *, wait: bool) -> list[Seat]:
        """Commit what is plain; those whose wallet could not be had. The others are left to go alone."""
        by_key: dict[tuple[str, str], Seat] = {}
        for seat in seats:
            by_key.setdefault((seat.ask.owner, seat.ask.key), seat)
        first = list(by_key.values())
        asks = [seat.ask for seat in first]
        try:
            with self._transaction(asks, wait=wait) as connection:
                outcomes = batches.post(
                    connection, asks, now=self._clock(), debt_blocks=self._debt_blocks, wait=wait
                )
        except Busy as busy:
            for seat in seats:
                seat.error = busy
            return []
        except Exception:
            # One that cannot be posted takes all with it. Alone, it alone is told why; and where the
            # answer to COMMIT was lost, the keys tell what came of it.
            log.debug("a batch of %d spends failed; each goes alone", len(asks), exc_info=True)
            return []
        for seat, outcome in zip(first, outcomes, strict=True):
            seat.spent = outcome.spent
        return [seat for seat, outcome in zip(first, outcomes, strict=True) if not outcome.reached]

    @contextmanager
    def _transaction(self, asks: Sequence[Ask], *, wait: bool) -> Iterator[Connection]:
        if self._engine.dialect.name == "sqlite":
            with turn(self._engine), self._engine.begin() as connection:
                try:
                    connection.exec_driver_sql("BEGIN IMMEDIATE")  # what is read from here on stays so
                except exc.OperationalError as error:
                    raise Busy("The database is busy. Nothing was moved; try again.") from error
                yield connection
        elif wait or (carried(asks) is None and any(ask.work is not None for ask in asks)):
            with self._together.begin() as connection:
                if wait:
                    connection.execute(limited_patience())
                yield connection
        else:
            with self._at_once.connect() as connection:
                yield connection
