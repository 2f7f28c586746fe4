"""How often a caller may call. A host with counters of its own, such as in Redis, brings those instead."""

from __future__ import annotations

import time
from collections.abc import Callable
from math import ceil
from threading import Lock
from typing import NamedTuple, Protocol

from .. import checks
from ..errors import TooManyCalls

WINDOW_S = 60

#: A limit beyond this is no limit.
MAX_CALLS = 1_000_000_000

#: What begins the name of a counter of calls with no key, or a wrong one; an address follows.
UNKNOWN = "unknown:"


class RateWindow(NamedTuple):
    """How much of a limit is left, and in how many seconds more of it is back."""

    limit: int
    remaining: int
    reset_s: int

    def headers(self) -> dict[str, str]:
        """The headers of an answer that say so."""
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset_s),
        }

    def refusal(self) -> TooManyCalls:
        """The error of a call beyond this limit, of so many calls a minute."""
        return TooManyCalls(
            f"{self.limit} calls a minute are the most. Try again in {self.reset_s} s.",
            retry_after_s=self.reset_s,
            headers=self.headers(),
        )


class CallCounter(Protocol):
    """What counts calls."""

    @property
    def takes_time(self) -> bool:
        """Whether counting waits for something, such as Redis: the fast path does it in a thread then."""

    def count(self, counter: str) -> RateWindow | None:
        """Count one call; ``None`` where nothing is limited.

        :param counter: Whose calls these are: an owner, or ``unknown:`` and the address of whoever came with
            a key that opens nothing.
        :raises TooManyCalls: There were too many before it.
        """


class CallsPerMinute:
    """Counts in this process alone: behind several workers, an owner has so many calls at each.

    :param calls: The most that one owner's programs may make in a minute.
    :param wrong_keys: The most that one address may make with keys that open nothing.
    :param clock_s: Seconds that go by.
    :raises ConfigError: A limit is not a whole number from 1 on.
    """

    takes_time = False

    def __init__(
        self, calls: int = 6_000, wrong_keys: int = 60, *, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._calls = checks.whole("CallsPerMinute(calls=...)", calls, min=1, max=MAX_CALLS)
        self._wrong_keys = checks.whole("CallsPerMinute(wrong_keys=...)", wrong_keys, min=1, max=MAX_CALLS)
        self._clock_s = clock_s
        self._minute = 0
        self._now: dict[str, int] = {}
        self._before: dict[str, int] = {}
        self._counting = Lock()

    def count(self, counter: str) -> RateWindow:
        """Count one call, by this minute's calls and the share of the last one's that lies within 60 s.

        :raises TooManyCalls: There were too many before it.
        """
        limit = self._wrong_keys if counter.startswith(UNKNOWN) else self._calls
        with self._counting:
            minute, gone_s = divmod(self._clock_s(), WINDOW_S)
            self._turn_to(int(minute))
            counted, before = self._now.get(counter, 0), self._before.get(counter, 0)
            left = int(limit - counted - before * (WINDOW_S - gone_s) / WINDOW_S)
            if left >= 1:
                self._now[counter] = counted + 1
        if left < 1:
            wait_s = free_at_s(limit, counted, before) - gone_s
            raise RateWindow(limit, 0, max(1, ceil(wait_s))).refusal()
        return RateWindow(limit, left - 1, max(1, ceil(WINDOW_S - gone_s)))

    def _turn_to(self, minute: int) -> None:
        """Forget what was counted more than a minute before."""
        if minute != self._minute:
            self._before = self._now if minute == self._minute + 1 else {}
            self._now, self._minute = {}, minute


def free_at_s(limit: int, counted: int, before: int) -> float:
    """How many seconds after this minute began a call is let through again, if nobody calls until then.

    :param limit: 1 or more.
    :param counted: The calls of this minute.
    :param before: Those of the minute before it.
    """
    room = limit - 1 - counted  # what may be left of those before
    if room >= 0:
        return WINDOW_S * (before - room) / before
    return WINDOW_S + WINDOW_S * -room / counted
