"""The calls that sell, served in front of Flask where a program asks with a key.

In Flask a request passes sessions, CSRF, sign-ins and the host's hooks, and a thread waits for its commit.
None of it concerns a program with a key; together they cost several times what the spend does. The fast path
takes the same steps without either, and writes only what succeeds.

All else goes to Flask: other calls, browsers, and every refusal. So errors, headers and the host's log exist
once. What the fast path has counted, or may have spent, goes with it (``Handover``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from flask import Flask
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect
from werkzeug.sansio.request import Request as Head

from prepaid_ledger import KeyReused
from prepaid_ledger.aio import AsyncLedger
from prepaid_ledger.clock import Clock
from prepaid_ledger.errors import PrepaidError

from ..errors import ConfigError, TooManyCalls
from ..keys.cache import digest_of
from ..keys.caller import Caller
from ..keys.verbs import AppKeys
from . import requests
from .answers import Answer, as_bytes, writer_like
from .buffering import BufferedRequests
from .callers import Callers
from .handover import HANDOVER, Handover
from .sale import Sale, new_id

if TYPE_CHECKING:
    from a2wsgi.asgi_typing import ASGIApp, HTTPScope, Receive, Scope, Send

#: How many requests Flask answers at the same time in one process.
THREADS = 16

#: The longest body that Flask gets, in bytes; the webhook's events stay below it.
MAX_BODY = 1_048_576


class FastPath:
    """An ASGI callable around a Flask app: ``granian --interface asginl module:asgi``.

    :param app: The Flask app, which answers all else.
    :param sales: What is sold, by its path. The app has a view at each, ``prepaid.sell(sale)``, which answers
        what the fast path leaves to it; a GET with a Bearer key the fast path answers alone.
    :param serves: Whether a Host header is one of the app's; by default all are.
    :param headers: Headers of each answer that the fast path gives.
    :param headers_of_call: More of them, made for each.
    :param apart: What is answered however busy all other threads are, and by how many of its own:
        ``{("/healthz", "/static/"): 4}``. A path that ends with a slash stands for all below it.
    :param threads: How many requests Flask answers at the same time.
    :param max_body: The longest body that Flask gets, in bytes.
    :raises ConfigError: The app has no keys, or no view at such a path; or a2wsgi is not installed.
    """

    def __init__(
        self,
        app: Flask,
        sales: Mapping[str, Sale[Any]],
        *,
        serves: Callable[[str], bool] | None = None,
        headers: Mapping[str, str] | None = None,
        headers_of_call: Callable[[], Mapping[str, str]] = dict,
        apart: Mapping[tuple[str, ...], int] = MappingProxyType({}),
        threads: int = THREADS,
        max_body: int = MAX_BODY,
    ) -> None:
        with app.app_context():
            prepaid = _extension_of(app)
            keys: AppKeys = prepaid.require_keys()
            self.engine: Engine = prepaid.engine
            self.ledger: AsyncLedger = prepaid.async_ledger()
            self.clock: Clock = prepaid.clock
        _check_views(app, sales)
        self.sales = {
            path: (sale, lru_cache(maxsize=256)(_reader(path, sale))) for path, sale in sales.items()
        }
        self.serves = None if serves is None else lru_cache(maxsize=32)(serves)
        self.callers, self.calls = Callers(keys.cache), keys.setup.calls
        self.through_flask = _in_threads(app, threads, max_body)
        self.apart = [(_matcher(paths), _in_threads(app, count, 0)) for paths, count in apart.items()]
        self.headers = as_bytes(
            {"Content-Type": "application/json", **(headers or {"Cache-Control": "no-store"})}
        )
        self.headers_of_call = headers_of_call
        self.written = writer_like(app)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.through_flask(scope, receive, send)
            return
        path = scope["path"]
        if path in self.sales and scope["method"] == "GET":
            outcome = await self.sell(scope, *self.sales[path])
            if isinstance(outcome, Answer):
                await send({"type": "http.response.start", "status": 200, "headers": outcome.headers})
                await send({"type": "http.response.body", "body": outcome.body})
                return
            scope = cast("HTTPScope", {**scope, HANDOVER: outcome})
        answers = next((served for is_meant, served in self.apart if is_meant(path)), self.through_flask)
        await answers(scope, receive, send)

    async def sell(
        self, scope: HTTPScope, sale: Sale[Any], read: Callable[[bytes], Any]
    ) -> Answer | Handover | None:
        """Sell what is asked for; or say what was done, for Flask to go on from there."""
        sent = list(scope["headers"])
        headers = dict(sent)
        secret = self.secret(headers, len(sent))
        if secret is None:
            return None
        try:
            ask = read(scope["query_string"])
        except Exception:
            return None  # Flask reads it, too, and answers
        caller = await self.callers.find(digest_of(secret))
        if caller is None:
            return None
        try:
            if self.calls.takes_time:
                window = await asyncio.to_thread(self.calls.count, caller.owner)
            else:
                window = self.calls.count(caller.owner)
        except TooManyCalls:
            return None
        name = headers.get(b"idempotency-key")
        try:
            fields = await self.spend(sale, caller, ask, name)
        except PrepaidError as error:
            may_be_spent = error.http_status == 503  # so Flask must not try again
            return Handover(window, error if may_be_spent else None)
        except SQLAlchemyError:
            return Handover(window)
        if fields is None:
            return Handover(window)
        body = self.written(fields)
        by_call = as_bytes(self.headers_of_call())
        if window is not None:
            by_call += as_bytes(window.headers())
        return Answer([*self.headers, (b"content-length", b"%d" % len(body)), *by_call], body)

    async def spend(
        self, sale: Sale[Any], caller: Caller, ask: Any, name: bytes | None
    ) -> dict[str, Any] | None:
        """Take the credits and insert the row; the fields of the answer. ``None``: Flask sees to a repeat."""
        id, is_new = new_id(), True
        if name is not None:
            terms = (self.engine, caller.owner, sale.name, name.decode("latin-1"), sale.digest(ask))
            id, is_new = await asyncio.to_thread(requests.begin, *terms)
        values, spending = sale.begin(caller, ask, id, self.clock())
        if is_new:
            try:
                spent = await self.ledger.spend_now(caller.owner, **spending)
            except KeyReused:
                return None  # the same request by another key was faster
            # An id without a name is this call's alone: its commit was not answered, and the key tells.
            if not spent.repeated or name is None:
                return sale.answer(values, spent.balance)
        return None

    def secret(self, headers: Mapping[bytes, bytes], sent: int) -> str | None:
        """The key that came; ``None`` if the call is not for the fast path.

        :param sent: How many headers there were: Flask sees to a call that has one twice.
        """
        words = headers.get(b"authorization", b"")
        if words[:7].lower() != b"bearer " or len(headers) < sent:
            return None
        if self.serves is not None and not self.serves(headers.get(b"host", b"").decode("latin-1")):
            return None
        return words[7:].decode("latin-1").strip()


def _matcher(paths: tuple[str, ...]) -> Callable[[str], bool]:
    """Whether a path is one of these, or below one that ends with a slash."""
    alone, above = frozenset(paths), tuple(path for path in paths if path.endswith("/"))
    return lambda path: path in alone or path.startswith(above)


def _reader(path: str, sale: Sale[Any]) -> Callable[[bytes], Any]:
    def read(query: bytes) -> Any:
        return sale.read(Head("GET", "http", None, "", path, query, Headers(), None).args)

    return read


def _extension_of(app: Flask) -> Any:
    prepaid = app.extensions.get("prepaid")
    if prepaid is None:
        raise ConfigError("FastPath(app, ...) needs an app that Prepaid has been given: call init_app first.")
    return prepaid


def _in_threads(app: Flask, threads: int, max_body: int) -> BufferedRequests:
    """
    :raises ConfigError: a2wsgi is not installed.
    """
    try:
        from a2wsgi import WSGIMiddleware
    except ModuleNotFoundError:
        raise ConfigError('FastPath needs a2wsgi: pip install "flask-prepaid[fast-path]"') from None
    in_threads = WSGIMiddleware(cast("Any", app), workers=threads)
    return BufferedRequests(cast("ASGIApp", in_threads), max_body=max_body)


def _check_views(app: Flask, sales: Mapping[str, Sale[Any]]) -> None:
    """
    :raises ConfigError: A path has no view, or what is sold there is no ``Sale``.
    """
    views = app.url_map.bind("")
    for path, sale in sales.items():
        if not isinstance(sale, Sale):
            raise ConfigError(f"FastPath(app, {{{path!r}: ...}}) needs a Sale there, not {sale!r}.")
        try:
            views.match(path, method="GET")
        except (HTTPException, RequestRedirect):
            raise ConfigError(
                f"The app has no view at {path}, which answers what the fast path leaves to it. Write "
                f'@app.get("{path}") above one that returns prepaid.sell(...).answer.'
            ) from None
