"""How often somebody may ask. Calls are counted by address, or by customer where one is known."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cache, wraps
from ipaddress import ip_network
from math import ceil
from typing import Any

from flask import Flask, Response, current_app, request, session, url_for
from flask.typing import ResponseReturnValue, RouteCallable
from flask_limiter import Limiter
from limits import RateLimitItem, RateLimitItemPerMinute

from ..errors import ApiError
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


#: Where it counts is a setting; ``memory://`` is served by ``SweptMemoryStorage``, which registers itself.
limiter = Limiter(client_address)

#: Wrong passwords, from one address. Right ones cost nothing.
SIGN_IN = "10 per minute; 100 per hour"
#: New accounts from one address: each new mailbox comes with free credits.
REGISTER = "20 per hour; 50 per day"
#: Wrong one-time or recovery codes for one customer, from wherever they come.
CODE = "10 per hour"
#: Mails that a stranger can have us send.
RESET = "5 per minute; 20 per hour"


def init_app(app: Flask) -> None:
    limiter.init_app(app)


#: How long an answer takes that must not tell by its time whether an address is known.
STEADY_S = 0.25


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


def guard_accounts(app: Flask) -> None:
    """Limit the views of Flask-Security that a guesser would hammer."""
    for endpoint, rate, counts_if in (
        ("security.login", SIGN_IN, refused),
        ("security.register", REGISTER, None),
        ("security.forgot_password", RESET, None),
        ("security.reset_password", RESET, None),
        ("security.two_factor_token_validation", CODE, refused),
        ("security.mf_recovery", CODE, refused),
        ("security.wan_signin_response", SIGN_IN, refused),
    ):
        counter = halfway_in if rate is CODE else client_address
        guard: Any = limiter.limit(rate, key_func=counter, methods=["POST"], deduct_when=counts_if)
        app.view_functions[endpoint] = guard(app.view_functions[endpoint])


def halfway_in() -> str:
    """The counter of a user who gave the right password and is asked for a code."""
    return f"code:{session.get('tf_user_id') or client_address()}"


def refused(response: Response) -> bool:
    """Whether a sign-in failed: success redirects, and not to where a passkey is asked for again."""
    return response.status_code != 302 or response.location.partition("?")[0] == url_for(
        "security.wan_signin"
    )


@dataclass(frozen=True)
class Window:
    """How much of a limit is left, and when all of it is back."""

    limit: int
    remaining: int
    reset_s: int

    def headers(self) -> dict[str, str]:
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset_s),
        }


def are_counted_here() -> bool:
    """Whether counting takes no time: nothing is counted, or this process has the counters."""
    return not limiter.enabled or isinstance(limiter.limiter.storage, SweptMemoryStorage)


@cache
def per_minute_of(calls: int) -> RateLimitItem:
    return RateLimitItemPerMinute(calls)


def count_call(counter: str, per_minute: int) -> Window | None:
    """Count one call against the API's limit; ``None`` where limits are lifted.

    :param counter: Whose calls these are: a customer's wallet, or ``unknown:`` and an address.
    :raises ApiError: The minute's calls are used up; nothing else was done.
    """
    if not limiter.enabled:
        return None
    rate = per_minute_of(per_minute)
    within = limiter.limiter.hit(rate, counter)
    reset_at, remaining = limiter.limiter.get_window_stats(rate, counter)
    window = Window(per_minute, remaining, max(1, ceil(reset_at - time.time())))
    if not within:
        raise ApiError(
            429,
            "rate_limited",
            f"{per_minute} calls a minute are the most. Try again in {window.reset_s} s.",
            headers=window.headers(),
            retry_after=window.reset_s,
        )
    return window
