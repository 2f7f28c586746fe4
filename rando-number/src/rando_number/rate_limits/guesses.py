"""Wrong passwords and codes: counted before they are looked at, so that many at once are no more."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from math import ceil

from flask import Flask, Response, current_app, make_response, request, session, url_for
from flask.typing import ResponseReturnValue, RouteCallable
from limits import RateLimitItem, parse_many
from limits.strategies import FixedWindowRateLimiter
from werkzeug.exceptions import TooManyRequests

from . import known_browsers
from .rates import client_address, customer, limiter

#: Wrong passwords, from one address, or of one customer who is signed in. Right ones cost nothing.
PASSWORD = "10 per minute; 100 per hour"
#: Wrong passwords for one account, from wherever they come but browsers in which its owner has signed in.
ACCOUNT = "20 per hour; 100 per day"
#: Wrong one-time or recovery codes for one customer, from wherever they come.
CODE = "10 per hour"


def guard_accounts(app: Flask, account_of: known_browsers.AccountOf) -> None:
    """Limit every view of Flask-Security's that says whether a password or a code is right.

    :param account_of: Says which account a form names.
    """
    for endpoint, rate, counter, is_right in (
        ("security.login", ACCOUNT, known_browsers.guesser(account_of), redirects),
        ("security.login", PASSWORD, client_address, redirects),
        ("security.wan_signin_response", PASSWORD, client_address, signs_in),
        ("security.verify", PASSWORD, customer, redirects),
        ("security.change_password", PASSWORD, customer, redirects),
        ("security.two_factor_token_validation", CODE, halfway_in, redirects),
        ("security.mf_recovery", CODE, halfway_in, redirects),
    ):
        if view := app.view_functions.get(endpoint):
            app.view_functions[endpoint] = counted(view, rate, counter, is_right)


def counted(
    view: RouteCallable, rate: str, counter: Callable[[], str], is_right: Callable[[Response], bool]
) -> RouteCallable:
    """Let a view hear so many wrong guesses; a right one is given back.

    :param rate: Limits as ``limits`` writes them, such as ``10 per minute; 100 per hour``.
    :param counter: Whose guesses these are.
    :param is_right: Says of an answer whether the guess was right.
    """
    windows = parse_many(rate)

    @wraps(view)
    def guarded(**path: str) -> ResponseReturnValue:
        if request.method != "POST" or not limiter.enabled:
            return current_app.ensure_sync(view)(**path)  # type: ignore[no-any-return]
        whose = (request.endpoint or "", counter())
        count(windows, whose)
        answer = make_response(current_app.ensure_sync(view)(**path))
        if is_right(answer):
            for window in windows:
                limiter.storage.incr(window.key_for(*whose), window.get_expiry(), amount=-1)
        return answer

    return guarded


def count(windows: list[RateLimitItem], whose: tuple[str, str]) -> None:
    """Count one guess.

    :raises TooManyRequests: There were too many before it. It is not looked at.
    """
    counters = FixedWindowRateLimiter(limiter.storage)
    for window in windows:
        if not counters.hit(window, *whose):
            again_at, _ = counters.get_window_stats(window, *whose)
            raise TooManyRequests(retry_after=max(1, ceil(again_at - time.time())))


def halfway_in() -> str:
    """The counter of a user who gave the right password and is asked for a code."""
    return f"code:{session.get('tf_user_id') or client_address()}"


def redirects(answer: Response) -> bool:
    """Whether the form was taken: it is shown again where something was wrong."""
    return answer.status_code == 302


def signs_in(answer: Response) -> bool:
    """Whether a passkey was taken: else the answer leads to where one is asked for again."""
    return redirects(answer) and answer.location.partition("?")[0] != url_for("security.wan_signin")
