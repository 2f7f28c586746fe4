"""The call that sells one number, served in front of Flask where a program asks with a key.

In Flask every request passes sessions, CSRF, limits, sign-ins and hooks. They cost eight times
what the framework alone does, and none of them concerns a program with a key. A thread that waits
for its commit costs more than the spend, too. The fast path takes the same steps without either.

All else goes to Flask: other calls, browsers, keys with a cap, and every refusal. So errors,
headers and the audit log are Flask's own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from json import JSONEncoder
from typing import TYPE_CHECKING, NamedTuple, cast

from a2wsgi import WSGIMiddleware
from flask import Flask, Request
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.datastructures import Headers
from werkzeug.sansio.request import Request as Head

from flask_prepaid import PrepaidError

from ..edge.headers import NO_PAGE, NOT_KEPT, new_request_id, on_every_answer
from ..edge.hosts import HEALTH
from ..errors import ApiError
from ..keys import api_keys
from ..limits import rates
from ..models import prepaid
from ..numbers import Ask, new_row, terms
from .buffering import BufferedRequests

if TYPE_CHECKING:
    from a2wsgi.asgi_typing import HTTPScope, Receive, Scope, Send
    from a2wsgi.wsgi_typing import WSGIApp

    from ..callers import Caller

PATH = "/api/v1/number/"

#: As Flask writes JSON.
WRITER = JSONEncoder(separators=(",", ":"))

#: How many requests Flask answers at the same time in one process.
THREADS = 16

#: How many of a load balancer's questions are answered at the same time, however busy all other threads are.
HEALTH_THREADS = 2

#: How many requests that ask the database nothing are answered beside all these.
STILL_THREADS = 4

#: How the paths of such requests begin.
STILL = ("/healthz", "/static/")

#: Where a scope carries what the fast path did before it handed the call to Flask.
HANDOVER = "rando.handover"


class Handover(NamedTuple):
    """A call that the fast path has counted. Flask answers it, with ``error`` if there is one."""

    window: rates.Window | None
    error: PrepaidError | None = None


def handover_of(request: Request) -> Handover | None:
    """What the fast path did with this request of Flask's; ``None`` if it did nothing."""
    handover: Handover | None = request.environ.get("asgi.scope", {}).get(HANDOVER)
    return handover


class Sold(NamedTuple):
    """The answer to a call that bought a number."""

    headers: list[tuple[bytes, bytes]]
    body: bytes


class FastPath:
    """An ASGI callable around a Flask app."""

    def __init__(self, app: Flask) -> None:
        self.rate = app.config["API_RATE"]
        self.serves = lru_cache(maxsize=32)(app.extensions["rando_hosts"].serves)
        in_threads = WSGIMiddleware(cast("WSGIApp", app), workers=THREADS)
        self.through_flask = BufferedRequests(in_threads, max_body=app.config["MAX_WEBHOOK_LENGTH"])
        in_its_threads = WSGIMiddleware(cast("WSGIApp", app), workers=HEALTH_THREADS)
        self.health = BufferedRequests(in_its_threads, max_body=0)
        in_still_threads = WSGIMiddleware(cast("WSGIApp", app), workers=STILL_THREADS)
        self.still = BufferedRequests(in_still_threads, max_body=0)
        with app.app_context():
            self.keys = api_keys.key_cache()
            self.ledger = prepaid.async_ledger()
            self.clock = prepaid.clock
        self.fixed_headers = as_bytes(
            {
                "Content-Type": "application/json",
                "Content-Security-Policy": NO_PAGE,
                "Cache-Control": NOT_KEPT,
                "Vary": "Cookie",
                **on_every_answer(app),
            }
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "GET" and scope["path"] == PATH:
            outcome = await self.sell(scope)
            if isinstance(outcome, Sold):
                await send({"type": "http.response.start", "status": 200, "headers": outcome.headers})
                await send({"type": "http.response.body", "body": outcome.body})
                return
            scope = cast("Scope", {**scope, HANDOVER: outcome})
        if scope["type"] == "http" and scope["path"].startswith(STILL):
            await self.still(scope, receive, send)
            return
        if scope["type"] == "http" and scope["path"] in HEALTH:
            await self.health(scope, receive, send)
            return
        await self.through_flask(scope, receive, send)

    async def sell(self, scope: HTTPScope) -> Sold | Handover | None:
        """Sell one number; or say what was done, for Flask to go on from there."""
        headers = dict(scope["headers"])
        ask = self.read(scope, headers)
        caller = None if ask is None else await self.caller(headers[b"authorization"])
        if ask is None or caller is None or caller.is_capped:
            return None
        try:
            window = await self.count(caller)
        except ApiError:
            return None
        row = new_row(caller, ask, self.clock())
        try:
            spent = await self.ledger.spend_now(caller.owner, **terms(row))
        except PrepaidError as error:
            may_be_spent = error.http_status == 503  # so Flask must not try again
            return Handover(window, error if may_be_spent else None)
        except SQLAlchemyError:
            return Handover(window)
        fields = {"number": row["values"][0], "charged": ask.count, "balance": spent.balance}
        body = WRITER.encode({"status": "SUCCESS", **fields}).encode() + b"\n"
        by_call = {"Content-Length": str(len(body)), "X-Request-Id": new_request_id()}
        if window is not None:
            by_call |= window.headers()
        return Sold(self.fixed_headers + as_bytes(by_call), body)

    def read(self, scope: HTTPScope, headers: dict[bytes, bytes]) -> Ask | None:
        """What is asked for; ``None`` if the call is not for the fast path, or something is wrong with it."""
        if headers.get(b"authorization", b"")[:7].lower() != b"bearer ":
            return None
        if b"idempotency-key" in headers or len(headers) < len(list(scope["headers"])):
            return None
        if not self.serves(headers.get(b"host", b"").decode("latin-1")):
            return None
        try:
            return read_query(scope["query_string"])
        except ApiError:
            return None

    async def caller(self, authorization: bytes) -> Caller | None:
        """Whose key it is. The database is only asked about keys that were not used a moment ago."""
        digest = api_keys.digest_of(authorization[7:].decode("latin-1").strip())
        caller = self.keys.find_at_hand(digest)
        if caller is None:
            with suppress(SQLAlchemyError):  # Flask will see it, too
                caller = await asyncio.to_thread(self.keys.find, digest)
        return caller

    async def count(self, caller: Caller) -> rates.Window | None:
        """Count the call.

        :raises ApiError: The minute's calls are used up.
        """
        if rates.are_counted_here():
            return rates.count_call(caller.owner, self.rate)
        return await asyncio.to_thread(rates.count_call, caller.owner, self.rate)


@lru_cache(maxsize=256)
def read_query(query: bytes) -> Ask:
    """The one number that a query asks for.

    :raises ApiError: A field is no whole number or out of bounds.
    """
    return Ask.of_query(Head("GET", "http", None, "", PATH, query, Headers(), None).args)


def as_bytes(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]
