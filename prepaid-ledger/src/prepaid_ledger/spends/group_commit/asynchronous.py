"""Spends that are awaited in an event loop: those that wait at the same time share a statement and a commit.

A thread that waits for a commit costs a process more than the spend itself does; what is
awaited costs next to nothing. So an ASGI callable in front of a Flask app sells several
times as much.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from ...database.turns import LOCK_TIMEOUT_S
from ..batches.host_insert import batch_insert
from ..batches.outcomes import Outcome
from ..single import SpendRequest, Spent
from .busy_wallets import BusyWallets
from .group_commit import MAX_BATCH, GroupCommit, too_late
from .one_task import OneTask
from .waiting import Waiting

#: So many go together. In a batch of half the size a spend costs the database half as much again.
ENOUGH = 16

#: How many spends that are not batchable wait at the same time, each for itself.
ALONE = 16

#: The word of a thread that waits for the database comes first by so much.
GRACE_S = 0.5


class LoopGroupCommit:
    """The spends of one event loop, the first that spends. Batches are posted one after the other."""

    def __init__(self, spends: GroupCommit) -> None:
        self._spends = spends
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connection = spends.loop_connection()
        #: Those on wallets that others hold.
        self.busy = BusyWallets(spends)
        self._waiting: deque[Waiting] = deque()
        self._posting = OneTask(self._post_all)
        self._together = ThreadPoolExecutor(1, thread_name_prefix="spends")
        self._alone = ThreadPoolExecutor(ALONE, thread_name_prefix="spends alone")

    async def spend(self, request: SpendRequest) -> Spent:
        """Commit one spend, with whoever waits at the same time. It raises what ``spend_now`` raises.

        :raises RuntimeError: It is awaited in another event loop than the first one.
        """
        loop = self._own_loop()
        answer: asyncio.Future[Spent | None] = loop.create_future()
        waiting = Waiting(request, answer, time.monotonic() + LOCK_TIMEOUT_S)
        if self.busy.has(request.owner) and self.busy.takes(request):
            self.busy.add(waiting)
        else:
            self._waiting.append(waiting)
            self._posting.wake()
        spent = await answer
        return await self._spend_alone(waiting) if spent is None else spent

    def _own_loop(self) -> asyncio.AbstractEventLoop:
        """
        :raises RuntimeError: Another event loop has begun to spend, and runs: nobody would be answered here.
        """
        running = asyncio.get_running_loop()
        if self._loop is not running:
            if self._loop is not None and not self._loop.is_closed():
                raise RuntimeError(
                    "This AsyncLedger spends in another event loop. Make one for each loop, and keep it: "
                    "AsyncLedger(ledger), or prepaid.async_ledger()."
                )
            self._loop = running
        return running

    async def _spend_alone(self, waiting: Waiting) -> Spent:
        """By a thread. While all of them are busy it waits for one, and not for ever."""
        loop = asyncio.get_running_loop()
        spend = partial(self._spends.spend, waiting.request, waiting.until_s)
        try:
            async with asyncio.timeout(waiting.until_s + GRACE_S - time.monotonic()):
                return await loop.run_in_executor(self._alone, spend)
        except TimeoutError as error:
            raise too_late() from error

    async def _post_all(self) -> None:
        """Post batch after batch while somebody waits.

        Those who are answered come back at once: of many one half goes while the other half is answered.
        """
        answered = 0
        while self._waiting:
            size = max(ENOUGH, (len(self._waiting) + answered + 1) // 2)
            batch = [self._waiting.popleft() for _ in range(min(size, len(self._waiting), MAX_BATCH))]
            await self._post([waiting for waiting in batch if waiting.may_go()])
            answered = len(batch)

    async def _post(self, batch: list[Waiting]) -> None:
        if not batch:
            return
        requests = [waiting.request for waiting in batch]
        try:
            outcomes = await self._commit(requests)
        except Exception as error:
            for waiting in batch:
                waiting.fail(error)
            return
        # Where all want one wallet, they wait for it: to ask again at once would mostly be in vain.
        are_of_many = len({request.owner for request in requests}) > 1
        for waiting, outcome in zip(batch, outcomes, strict=True):
            if are_of_many and waiting.goes_again(outcome):
                self._waiting.append(waiting)
            elif not outcome.reached and self.busy.takes(waiting.request):
                self.busy.add(waiting)
            else:
                waiting.be_answered(outcome.spent)

    async def _commit(self, requests: Sequence[SpendRequest]) -> list[Outcome]:
        host_insert = batch_insert(requests)
        if self._connection is not None and host_insert is not None:
            began_s = time.monotonic()
            outcomes = await self._connection.post(requests, host_insert)
            self._spends.note_batch((outcome.spent for outcome in outcomes), began_s)
            return outcomes
        return await asyncio.get_running_loop().run_in_executor(self._together, self._spends.post, requests)
