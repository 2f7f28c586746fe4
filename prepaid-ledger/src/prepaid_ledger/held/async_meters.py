"""Meters in an event loop. What they write goes to a thread, and is not cancelled with their task."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from typing import Any, Self

from ..background import in_background
from .meters import Meter


class AsyncMeter:
    """A meter in an event loop: ``async with ledger.meter(...) as meter``, and ``await meter.count()``.

    ``await ledger.meter(...)`` opens it before that, so that a refusal comes before an answer has begun.
    """

    def __init__(self, opens: Callable[[], Meter]) -> None:
        self._opens = opens
        self._opened: Meter | None = None

    @property
    def _meter(self) -> Meter:
        if self._opened is None:
            raise RuntimeError("This meter is not open: write `async with` or `await` before it.")
        return self._opened

    @property
    def key(self) -> str:
        return self._meter.key

    @property
    def held(self) -> int:
        return self._meter.held

    @property
    def counted(self) -> int:
        """What the deliveries so far cost, in credits."""
        return self._meter.counted

    @property
    def charged(self) -> int | None:
        """What was taken in the end; ``None`` before."""
        return self._meter.charged

    async def count(self, n: int | None = None, /, **units: int) -> None:
        """Count so much more, and await it before that is delivered. Credits for it are held when it returns.

        A database that is away is waited for, up to 10 seconds.

        :param n: How much; 1 by default. Credits, or what the meter's rates have a price for.
        :param units: With rates, how much of each unit of the item: ``count(output=1)``.
        :raises InsufficientCredits: Fewer are available than it takes. What was counted before stays counted.
        :raises BudgetExceeded: A budget has fewer left.
        :raises WalletBlocked: The wallet owes credits by now.
        :raises HoldClosed: It has ended, or nobody counted for so long that its time was over.
        :raises Busy: The database did not come back.
        :raises ValueError: It is no whole number from 0 on, or a unit that has no rate.
        """
        while self._meter.must_write(after := self._meter.after(n, units)):  # another task may have counted
            await asyncio.to_thread(self._meter.write, after)
        self._meter.took(after)

    async def end(self) -> None:
        """Take what was counted, and give the rest back; also where the task that awaits it is cancelled."""
        await asyncio.shield(in_background(asyncio.to_thread(self._meter.end)))

    def __await__(self) -> Generator[Any, None, Self]:
        return self.__aenter__().__await__()

    async def __aenter__(self) -> Self:
        if self._opened is None:
            opening = in_background(asyncio.to_thread(self._opens))
            try:
                self._opened = await asyncio.shield(opening)
            except asyncio.CancelledError:
                opening.add_done_callback(_end_unused)
                raise
        return self

    async def __aexit__(self, kind: object, error: object, trace: object) -> None:
        await self.end()


def _end_unused(opening: asyncio.Task[Meter]) -> None:
    """Give back what was held for a caller who went away meanwhile."""
    if not opening.cancelled() and opening.exception() is None:
        in_background(asyncio.to_thread(opening.result().end))
