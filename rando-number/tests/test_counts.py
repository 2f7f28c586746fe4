"""The counters behind the limits, where they are kept in memory."""

from __future__ import annotations

import threading
from pathlib import Path

from limits import RateLimitItemPerMinute
from limits.strategies import SlidingWindowCounterRateLimiter

from rando_number.limits.rates import limiter
from rando_number.limits.storage import Counts

from .shop import Shop


def test_the_shop_counts_in_memory_and_starts_no_thread_for_it(tmp_path: Path) -> None:
    Shop(tmp_path, RATELIMIT_ENABLED="1")
    counts = limiter.storage
    assert isinstance(counts, Counts)
    counts.timer.join()  # the one that the library starts with

    limiter.limiter.hit(RateLimitItemPerMinute(2), "somebody")

    assert not any(isinstance(thread, threading.Timer) for thread in threading.enumerate())


def test_what_is_over_is_forgotten() -> None:
    counts = Counts()
    counts.incr("over", expiry=0)
    counts.incr("running", expiry=60)
    assert counts.get("over") == 0

    counts.incr("over", expiry=0)
    counts._sweep_at = 0
    counts.incr("running", expiry=60)

    assert dict(counts.storage) == {"running": 2}
    assert list(counts.expirations) == ["running"]


def test_a_limit_holds_and_can_be_given_back() -> None:
    counts = Counts()
    two = RateLimitItemPerMinute(2)
    limit = SlidingWindowCounterRateLimiter(counts)

    assert [limit.hit(two, "somebody") for _ in range(3)] == [True, True, False]
    assert limit.hit(two, "somebody else")

    counts.incr("a", expiry=60, amount=2)
    assert (counts.decr("a"), counts.decr("a"), counts.decr("a")) == (1, 0, 0)
