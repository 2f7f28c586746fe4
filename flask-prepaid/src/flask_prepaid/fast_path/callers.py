"""Who calls, awaited in an event loop: keys that are unknown at the same time are looked up together.

A thread for each of them would cost more than the look itself: all wait for one lock, in turns with the loop.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque

from ..keys.cache import MAX_KEYS, KeyCache, caller_with
from ..keys.caller import Caller

#: So long after a look that failed no key is renewed: what failed would mostly fail again, at each call.
PAUSE_S = 1.0


class Callers:
    """The callers of one event loop. Their keys are looked up one batch after the other, by a thread."""

    def __init__(self, cache: KeyCache) -> None:
        self._cache = cache
        self._waiting: deque[tuple[str, asyncio.Future[Caller | None]]] = deque()
        self._looking: asyncio.Task[None] | None = None
        self._renews_from_s = 0.0

    async def find(self, digest: str) -> Caller | None:
        """Who calls with the key of this digest, as ``KeyCache.find`` says; also ``None`` if the look fails.

        Nobody waits while a key that is remembered is renewed.
        """
        key = self._cache.remembered(digest)
        if key is None:
            answer: asyncio.Future[Caller | None] = asyncio.get_running_loop().create_future()
            self._waiting.append((digest, answer))
            self._look()
            return await answer
        if self._cache.is_half_over(key) and time.monotonic() >= self._renews_from_s:
            self._look()
        return caller_with(key)

    def _look(self) -> None:
        if self._looking is None or self._looking.done():  # as a loop ends, it may not have begun
            self._looking = asyncio.get_running_loop().create_task(self._look_up_all())

    async def _look_up_all(self) -> None:
        """Look once, and again while somebody waits. The first look may only renew what is remembered."""
        await self._look_up()
        while self._waiting:
            await self._look_up()

    async def _look_up(self) -> None:
        batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), MAX_KEYS))]
        callers: dict[str, Caller] = {}
        try:
            callers = await asyncio.to_thread(self._cache.find_all, {digest for digest, _ in batch})
        except Exception:  # Flask asks anew, and answers
            self._renews_from_s = time.monotonic() + PAUSE_S
        finally:
            for digest, answer in batch:
                if not answer.done():  # the caller may have gone
                    answer.set_result(callers.get(digest))
