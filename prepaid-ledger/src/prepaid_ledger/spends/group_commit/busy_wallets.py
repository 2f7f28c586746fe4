"""Spends on wallets that another process has just then: each wallet's wait for it together.

They have a connection of their own, so that no spend on a wallet that is free waits behind one that is not.
"""

from __future__ import annotations

import time
from collections import deque

from ..batches.host_insert import batch_insert
from ..single import SpendRequest
from .group_commit import MAX_BATCH, GroupCommit
from .one_task import OneTask
from .waiting import Waiting

#: So long a batch waits for its wallet while there is no other line; of several, each waits for its share.
#: Then the next line is served, and this one waits again, until its callers have waited long enough.
PATIENCE_S = 0.25

#: A batch waits so long at least, however many lines there are. One that gives up sooner than the batches of
#: some other processes take might never have its wallet.
LEAST_PATIENCE_S = 0.05

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
        self._posting = OneTask(self._post_all)

    def takes(self, request: SpendRequest) -> bool:
        """Whether this one can wait here: on PostgreSQL, if what it brings fits one statement."""
        return self._connection is not None and batch_insert([request]) is not None

    def has(self, owner: str) -> bool:
        """Whether the owner's wallet was busy a moment ago."""
        return owner in self._lines or self._busy_until_s.get(owner, 0.0) > time.monotonic()

    def add(self, waiting: Waiting) -> None:
        """Let one more wait for its wallet."""
        self._lines.setdefault(waiting.request.owner, deque()).append(waiting)
        self._posting.wake()

    async def _post_all(self) -> None:
        while self._lines:
            owner, line = next(iter(self._lines.items()))
            unreached = await self._post_together(_take_batch(line))
            line.extendleft(reversed(unreached))
            del self._lines[owner]
            if line:  # at the end, behind the other wallets
                self._lines[owner] = line
            if len(self._lines) <= 1:  # of many, most are reached by a batch of all, which costs one commit
                self.note_busy(owner)

    async def _post_together(self, batch: list[Waiting]) -> list[Waiting]:
        """Answer those whose wallet could be had; the others, who wait again."""
        if not batch:
            return []
        assert self._connection is not None, "nobody else is taken"
        began_s = time.monotonic()
        wait_s = max(LEAST_PATIENCE_S, PATIENCE_S / len(self._lines))
        requests = [waiting.request for waiting in batch]
        host_insert = batch_insert(requests)
        assert host_insert is not None, "a batch is taken of those that go together"
        try:
            outcomes = await self._connection.post(requests, host_insert, wait_s=wait_s)
            self._spends.note_batch((outcome.spent for outcome in outcomes), began_s)
        except Exception as error:
            for waiting in batch:
                waiting.fail(error)
            return []
        unreached = []
        for waiting, outcome in zip(batch, outcomes, strict=True):
            if outcome.reached:
                waiting.be_answered(outcome.spent)
            else:
                unreached.append(waiting)
        return unreached

    def note_busy(self, owner: str) -> None:
        """Take the owner's wallet to be busy for a moment."""
        if len(self._busy_until_s) >= MAX_BUSY:
            self._busy_until_s.clear()
        self._busy_until_s[owner] = time.monotonic() + BUSY_FOR_S


def _take_batch(line: deque[Waiting]) -> list[Waiting]:
    """The first of a line whose host rows go into one INSERT; those between them stay in it."""
    first = [line.popleft() for _ in range(min(len(line), MAX_BATCH))]
    batch, left = list[Waiting](), list[Waiting]()
    for waiting in first:
        if waiting.may_go():
            fits = not batch or batch_insert([batch[0].request, waiting.request]) is not None
            (batch if fits else left).append(waiting)
    line.extendleft(reversed(left))
    return batch
