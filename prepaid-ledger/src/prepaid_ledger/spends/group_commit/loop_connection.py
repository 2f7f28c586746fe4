"""Batches of spends that an event loop posts on PostgreSQL by itself: no thread is woken for a commit."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import Engine, event

from ...clock import Clock
from ...database.deadlines import awaited
from ..batches.batch import one_of_each_key
from ..batches.budgeted_owners import BudgetedOwners
from ..batches.failures import log_failure
from ..batches.host_insert import BatchInsert
from ..batches.outcomes import LEFT_OUT, UNREACHED, Outcome
from ..batches.postgresql_batch import SET_UP, on_postgresql, read
from ..single import SpendRequest

log = logging.getLogger(__name__)

Driven = psycopg.AsyncConnection[tuple[Any, ...]]


class LoopConnection:
    """One connection for one event loop. The engine opens it and sets it up; psycopg awaits its answers."""

    def __init__(
        self,
        engine: Engine,
        *,
        clock: Clock,
        debt_blocks: bool,
        budgeted: BudgetedOwners,
        is_parted: Callable[[], bool],
    ) -> None:
        self._engine = engine
        self._is_parted = is_parted
        self._parted = False
        self._budgeted = budgeted
        self._clock = clock
        self._debt_blocks = debt_blocks
        self._by_thread: psycopg.Connection[Any] | None = None
        self._driven: Driven | None = None
        event.listen(engine, "engine_disposed", self._close)

    async def post(
        self, requests: Sequence[SpendRequest], host_insert: BatchInsert, *, wait_s: float | None = None
    ) -> list[Outcome]:
        """Commit what is batchable of ``requests``; what came of each.

        :param host_insert: What they all bring, as ``batch_insert`` has it.
        :param wait_s: How long to wait for the wallet, where all are of one; by default for none. If that is
            not enough, none is reached.
        """
        places = one_of_each_key(requests)
        first = [requests[place] for place in places]
        outcomes = [LEFT_OUT] * len(requests)
        try:
            driven = self._driven or await self._open()
            statement, values = on_postgresql(
                first,
                host_insert,
                now=self._clock(),
                debt_blocks=self._debt_blocks,
                with_budgets=self._budgeted.any_of(first),
                parted=self._parted,
                wait_s=wait_s,
            )
            cursor = await driven.execute(statement, values)
            posted = read(await cursor.fetchall())
            self._budgeted.learn(first, posted)
            for place, outcome in zip(places, posted, strict=True):
                outcomes[place] = outcome
        except psycopg.errors.LockNotAvailable as error:
            log_failure(log, error, len(first))
            return outcomes if wait_s is None else [UNREACHED] * len(requests)
        except Exception as error:  # alone, each gets its refusal, or what came of it
            log_failure(log, error, len(first))
            if self._driven is None or self._driven.info.transaction_status != TransactionStatus.IDLE:
                self._close()
        return outcomes

    async def _open(self) -> Driven:
        self._parted = await asyncio.to_thread(self._is_parted)
        opened = await asyncio.to_thread(self._engine.raw_connection)
        by_thread = opened.dbapi_connection
        assert isinstance(by_thread, psycopg.Connection)
        opened.detach()  # the pool makes up for it
        self._by_thread = by_thread
        driven: Driven = awaited(by_thread)
        await driven.set_autocommit(True)
        if by_thread.prepare_threshold is None:  # behind a pooler
            driven.prepare_threshold = None
        else:
            await driven.execute("DEALLOCATE ALL")  # its statements so far have the names of ours
            driven.prepare_threshold = 0
            await driven.execute(SET_UP)
        self._driven = driven
        return driven

    def _close(self, *_: object) -> None:
        if self._by_thread is not None:
            self._by_thread.close()  # as it is: there may be an answer on its way
        self._by_thread = self._driven = None
