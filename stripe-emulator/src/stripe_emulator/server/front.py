"""The first thing that a request over HTTP meets: programs are answered here, people by the pages.

Flask serves the pages. It is imported when the first page is asked for: most emulators show none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any, Protocol

from stripe_emulator.api.request import HEADERS, Call, Reply
from stripe_emulator.core import ids
from stripe_emulator.core.errors import InvalidRequest, StripeError, Unavailable
from stripe_emulator.core.wire import MAX_BYTES, MAX_UPLOAD, encode

#: Mark an answer that the server swallows: chaos' ``lost_reply`` and ``timeout``.
LOST, SILENT = "Emulator-Lost-Reply", "Emulator-No-Reply"

#: What is answered as a file, and no JSON: it is made of a page's parts.
_DOWNLOAD = re.compile(r"/v1/(files/[^/]+/contents|quotes/[^/]+/pdf)")

Environ = dict[str, Any]
App = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


class Answers(Protocol):
    """Who answers programs: one account, or many."""

    def answer(self, call: Call) -> Reply:
        """The answer to a call."""


class TooLarge(InvalidRequest):
    """The body is larger than any real request's."""

    status = 413


def front(api: Answers, pages: App) -> App:
    """The WSGI app of an emulator.

    :param api: Answers what is below ``/v1`` and ``/v2``.
    :param pages: Answers the rest, and what is downloaded.
    """

    def call(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if not path.startswith(("/v1/", "/v2/")) or _DOWNLOAD.fullmatch(path):
            return pages(environ, start_response)
        reply = _preflight(environ) if environ["REQUEST_METHOD"] == "OPTIONS" else _answer(api, environ)
        body = reply.body.encode()
        fate = {SILENT if reply.times_out else LOST: "1"} if reply.lost or reply.times_out else {}
        headers = {**reply.headers, "Content-Length": str(len(body)), **fate}
        start_response(f"{reply.status} {HTTPStatus(reply.status).phrase}", list(headers.items()))
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else body]

    return call


def refused(error: StripeError) -> Reply:
    """Stripe's answer to what never became a call."""
    request_id = ids.new("request")
    headers = {**HEADERS, **error.headers, "Request-Id": request_id}
    return Reply(error.status, encode(error.envelope(request_id)), headers)


def _answer(api: Answers, environ: Environ) -> Reply:
    try:
        return api.answer(_read(environ))
    except StripeError as error:
        return refused(error)
    except Exception as error:
        import logging  # not at the start: here is a bug of ours

        where = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"
        logging.getLogger(__name__).exception("stripe-emulator has a bug, in %s", where)
        return refused(Unavailable(f"stripe-emulator has a bug: {type(error).__name__}. Please report it."))


def _read(environ: Environ) -> Call:
    """The request as the API takes it."""
    path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
    headers = {
        name.removeprefix("HTTP_").replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_") or name in ("CONTENT_TYPE", "CONTENT_LENGTH")
    }
    query = environ.get("QUERY_STRING", "")
    return Call(environ["REQUEST_METHOD"], path, query, headers, _body(environ, path))


def _body(environ: Environ, path: str) -> bytes:
    most = MAX_UPLOAD if path == "/v1/files" else MAX_BYTES
    length = environ.get("CONTENT_LENGTH") or "0"
    if environ.get("wsgi.input_terminated"):  # the server knows where a body of unknown length ends
        body: bytes = environ["wsgi.input"].read(most + 1)
    elif length.isascii() and length.isdigit() and int(length) <= most:
        body = environ["wsgi.input"].read(int(length))
    else:
        body = b""
    if len(body) > most or (length.isascii() and length.isdigit() and int(length) > most):
        raise TooLarge("The body of the request is too large.")
    return body


def _preflight(environ: Environ) -> Reply:
    """What a browser asks before it calls from a page of another origin."""
    wanted = environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "")
    return Reply(204, "", {**HEADERS, "Access-Control-Allow-Headers": wanted})
