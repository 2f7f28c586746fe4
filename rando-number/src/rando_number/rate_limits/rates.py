"""How often somebody may ask. Calls are counted by address, or by customer where one is known."""

from __future__ import annotations

import time
from functools import cache, wraps
from ipaddress import ip_network
from math import ceil
from typing import Any

from flask import Flask, current_app, request, session
from flask.typing import ResponseReturnValue, RouteCallable
from flask_limiter import Limiter
from limits import RateLimitItem, RateLimitItemPerMinute

from flask_prepaid import CallsPerMinute, RateWindow

from .fallback import FallbackStorage, with_fallback
from .storage import SweptMemoryStorage


def client_address() -> str:
    """The address that connected, or that our own proxies name (RANDO_PROXY_HOPS)."""
    return client_network(request.remote_addr)


def client_network(address: str | None) -> str:
    """What is counted as one client: an address, or the network of an IPv6 one.

    Whoever has IPv6 has 2^64 addresses at least, and need never come from the same one twice.
    """
    if address is None or ":" not in address:
        return address or "unknown"
    return str(ip_network(f"{address.partition('%')[0]}/64", strict=False))


#: Where it counts is a setting; ``memory://`` is served by ``SweptMemoryStorage``, servers by
#: ``FallbackStorage``. Both register themselves.
limiter = Limiter(client_address)

#: How many calls a minute one address may send with a wrong key.
WRONG_KEYS_PER_MINUTE = 60


def init_app(app: Flask) -> None:
    app.config["RATELIMIT_STORAGE_URI"] = with_fallback(app.config["RATELIMIT_STORAGE_URI"])
    limiter.init_app(app)


#: How long an answer takes that must not tell by its time whether an address is known. The work for one,
#: of which most is a hash of a password, takes half of it on a slow machine.
STEADY_S = 0.5


def steady(view: RouteCallable) -> RouteCallable:
    """Answer a form ``STEADY_S`` after it came, whatever there was to do: its time tells nothing."""

    @wraps(view)
    def answered(**path: Any) -> ResponseReturnValue:
        due = time.monotonic() + STEADY_S
        answer: ResponseReturnValue = current_app.ensure_sync(view)(**path)
        if request.method == "POST":
            time.sleep(max(0, due - time.monotonic()))
        return answer

    return answered


def customer() -> str:
    """The counter of a signed-in customer, wherever the calls come from; a stranger's is the address."""
    return f"customer:{session.get('_user_id') or client_address()}"


def are_away() -> bool:
    """Whether the counters' server does not answer, so that each process counts for itself.

    Asks the server, at most for half a second.
    """
    storage = limiter.limiter.storage if limiter.enabled else None
    return isinstance(storage, FallbackStorage) and not storage.check()


@cache
def per_minute_of(calls: int) -> RateLimitItem:
    return RateLimitItemPerMinute(calls)


def is_within(per_minute: int, counter: str) -> bool:
    """Count something that is only left out where there is too much of it; whether this one is not."""
    return not limiter.enabled or limiter.limiter.hit(per_minute_of(per_minute), counter)


class ApiCalls:
    """Counts the API's calls by owner, and wrong keys by address, where RATELIMIT_STORAGE_URI says.

    :param per_minute: The most that one owner may send.
    """

    def __init__(self, per_minute: int) -> None:
        self.per_minute = per_minute
        self._here = CallsPerMinute(per_minute, WRONG_KEYS_PER_MINUTE, clock_s=time.time)

    @property
    def takes_time(self) -> bool:
        """Whether another process counts, such as Redis."""
        return limiter.enabled and not isinstance(limiter.limiter.storage, SweptMemoryStorage)

    def count(self, counter: str) -> RateWindow | None:
        """Count one call; ``None`` where limits are lifted.

        :raises TooManyCalls: The minute's calls are used up; nothing else was done.
        """
        if not limiter.enabled:
            return None
        if not self.takes_time:  # the library's own storage takes a fifth of a whole call
            return self._here.count(counter)
        calls = WRONG_KEYS_PER_MINUTE if counter.startswith("unknown:") else self.per_minute
        rate = per_minute_of(calls)
        within = limiter.limiter.hit(rate, counter)
        reset_at, remaining = limiter.limiter.get_window_stats(rate, counter)
        window = RateWindow(calls, remaining, max(1, ceil(reset_at - time.time())))
        if not within:
            raise window.refusal()
        return window
