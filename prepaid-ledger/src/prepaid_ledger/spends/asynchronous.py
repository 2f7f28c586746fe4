"""Spends that are awaited in an event loop: those that wait at the same time share a statement and a commit.

A thread that waits for a commit costs a process more than the spend itself does; what is
awaited costs next to nothing. So an ASGI callable in front of a Flask app sells several
times as much.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import Insert

from .group_commit import MOST, GroupCommit
from .host_insert import fit_one_statement
from .single import Ask, Spent

#: So many go together. In a batch of half the size a spend costs the database half as much again.
ENOUGH = 16

#: How many spends that are not plain wait at the same time, each for itself.
ALONE = 16


class AwaitedSpends:
    """The spends of one event loop. Batches are posted one after the other."""

    def __init__(self, spends: GroupCommit) -> None:
        self._spends = spends
        self._line = spends.line()
        self._waiting: deque[tuple[Ask, asyncio.Future[Spent | None]]] = deque()
        self._posting: asyncio.Task[None] | None = None
        self._together = ThreadPoolExecutor(1, thread_name_prefix="spends")
        self._alone = ThreadPoolExecutor(ALONE, thread_name_prefix="spends alone")

    async def spend(
        self,
        owner: str,
        *,
        credits: int = 1,
        key: str,
        work: Insert | None = None,
        values: Mapping[str, object] | None = None,
    ) -> Spent:
        """What ``spend_now`` does, for who awaits it.

        :raises InsufficientCredits: Fewer are available.
        :raises WalletBlocked: The wallet owes credits.
        :raises KeyReused: The key has posted something else.
        :raises Busy: The database did not get to it. What came of it, the same key tells.
        """
        ask = Ask(owner, credits, key, work, values)
        loop = asyncio.get_running_loop()
        told: asyncio.Future[Spent | None] = loop.create_future()
        self._waiting.append((ask, told))
        if self._posting is None:
            self._posting = loop.create_task(self._post_all())
        spent = await told
        if spent is None:
            spent = await loop.run_in_executor(self._alone, self._spends.spend, ask)
        return spent

    async def _post_all(self) -> None:
        """Post batch after batch while somebody waits.

        Those who are answered come back at once: of many one half goes while the other half is answered.
        """
        answered = 0
        try:
            while self._waiting:
                size = max(ENOUGH, (len(self._waiting) + answered + 1) // 2)
                batch = [self._waiting.popleft() for _ in range(min(size, len(self._waiting), MOST))]
                await self._post(batch)
                answered = len(batch)
        finally:
            self._posting = None

    async def _post(self, batch: list[tuple[Ask, asyncio.Future[Spent | None]]]) -> None:
        try:
            spents = await self._commit([ask for ask, _ in batch])
        except Exception as error:
            for _, told in batch:
                if not told.done():
                    told.set_exception(error)
        else:
            for (_, told), spent in zip(batch, spents, strict=True):
                if not told.done():  # who asked may have gone
                    told.set_result(spent)

    async def _commit(self, asks: Sequence[Ask]) -> list[Spent | None]:
        if self._line is not None and fit_one_statement(asks):
            return await self._line.post(asks)
        return await asyncio.get_running_loop().run_in_executor(self._together, self._spends.post, asks)
