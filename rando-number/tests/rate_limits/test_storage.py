"""The counters behind the limits, where they are kept in memory."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from limits import RateLimitItemPerMinute
from limits.strategies import SlidingWindowCounterRateLimiter

from rando_number.rate_limits import storage
from rando_number.rate_limits.rates import limiter
from rando_number.rate_limits.storage import SweptMemoryStorage

from ..running_shop import RunningShop


def test_the_shop_counters_in_memory_and_starts_no_thread_for_it(tmp_path: Path) -> None:
    RunningShop(tmp_path, RATELIMIT_ENABLED="1")
    counters = limiter.storage
    assert isinstance(counters, SweptMemoryStorage)
    counters.timer.join()  # the one that the library starts with

    limiter.limiter.hit(RateLimitItemPerMinute(2), "somebody")

    assert not any(isinstance(thread, threading.Timer) for thread in threading.enumerate())


def test_a_counter_that_is_over_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "SWEPT_EVERY_S", 0)
    counters = SweptMemoryStorage()
    counters.incr("over", expiry=0)
    counters.incr("running", expiry=60)
    assert counters.get("over") == 0

    counters.incr("over", expiry=0)
    counters.incr("running", expiry=60)

    assert dict(counters.storage) == {"running": 2}
    assert list(counters.expirations) == ["running"]


def test_a_limit_holds_and_can_be_given_back() -> None:
    counters = SweptMemoryStorage()
    two = RateLimitItemPerMinute(2)
    limit = SlidingWindowCounterRateLimiter(counters)

    assert [limit.hit(two, "somebody") for _ in range(3)] == [True, True, False]
    assert limit.hit(two, "somebody else")

    counters.incr("a", expiry=60, amount=2)
    assert (counters.decr("a"), counters.decr("a"), counters.decr("a")) == (1, 0, 0)
