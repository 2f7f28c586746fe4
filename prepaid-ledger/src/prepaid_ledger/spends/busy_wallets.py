"""Spends on wallets that another process has just then: each wallet's wait for it together.

They have a connection of their own, so that nobody else's spends wait behind a wallet.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque

from .group_commit import MAX_BATCH, GroupCommit
from .host_insert import fit_one_statement
from .single import SpendRequest
from .waiting import Waiting

#: So long a batch waits for its wallet. Then its spends go alone, by threads, and the next line is served.
PATIENCE_S = 0.25

#: So long after its last spend a wallet is taken to be busy still. Who calls it again and again from two
#: processes would else meet the other's lock each time, and come here by a batch that was for nothing.
BUSY_FOR_S = 0.05

#: The most wallets that are remembered as busy; then all are forgotten.
MAX_BUSY = 1000


class BusyWallets:
    """The lines of one event loop: one for each busy wallet, which take turns."""

    def __init__(self, spends: GroupCommit) -> None:
        self._spends = spends
        self._connection = spends.loop_connection()
        self._lines: dict[str, deque[Waiting]] = {}
        self._busy_until_s: dict[str, float] = {}
        self._posting: asyncio.Task[None] | None = None

    def takes(self, request: SpendRequest) -> bool:
        """Whether this one can wait here: on PostgreSQL, if what it brings fits one statement."""
        return self._connection is not None and fit_one_statement([request])

    def has(self, owner: str) -> bool:
        """Whether the owner's wallet was busy a moment ago."""
        return owner in self._lines or self._busy_until_s.get(owner, 0.0) > time.monotonic()

    def add(self, waiting: Waiting) -> None:
        """Let one more wait for its wallet."""
        self._lines.setdefault(waiting.request.owner, deque()).append(waiting)
        if self._posting is None:
            self._posting = asyncio.get_running_loop().create_task(self._post_all())

    async def _post_all(self) -> None:
        try:
            while self._lines:
                owner, line = next(iter(self._lines.items()))
                batch = [line.popleft() for _ in range(min(len(line), MAX_BATCH))]
                await self._post_together([waiting for waiting in batch if waiting.may_go()])
                del self._lines[owner]
                if line:  # at the end, behind the other wallets
                    self._lines[owner] = line
                self._note_busy(owner)
        finally:
            self._posting = None

    async def _post_together(self, batch: list[Waiting]) -> None:
        if not batch:
            return
        assert self._connection is not None, "nobody else is taken"
        began_s = time.monotonic()
        outcomes = await self._connection.post([waiting.request for waiting in batch], wait_s=PATIENCE_S)
        self._spends.note_batch((outcome.spent for outcome in outcomes), began_s)
        for waiting, outcome in zip(batch, outcomes, strict=True):
            if waiting.goes_again(outcome):
                self.add(waiting)
            else:
                waiting.be_answered(outcome.spent)

    def _note_busy(self, owner: str) -> None:
        if len(self._busy_until_s) >= MAX_BUSY:
            self._busy_until_s.clear()
        self._busy_until_s[owner] = time.monotonic() + BUSY_FOR_S
