"""The first thing that a request over HTTP meets: programs are answered here, people by the pages.

Flask serves the pages. It is imported when the first page is asked for: most emulators show none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Protocol

from stripe_emulator.api import keys
from stripe_emulator.api.request import HEADERS, Call, Reply, form_of
from stripe_emulator.core import hosts, ids
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


class PageElsewhere(InvalidRequest):
    """A page of another site, open in a browser on this machine, has sent a secret key."""

    status = 403


def front(api: Answers, pages: App, given: Callable[[], Collection[str]]) -> App:
    """The WSGI app of an emulator.

    :param api: Answers what is below ``/v1`` and ``/v2``.
    :param pages: Answers the rest, and what is downloaded.
    :param given: The names of ours beside this machine's, as ``core.hosts`` has them.
    """

    def call(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if not path.startswith(("/v1/", "/v2/")) or _DOWNLOAD.fullmatch(path):
            return pages(environ, start_response)
        asks_first = environ["REQUEST_METHOD"] == "OPTIONS"
        reply = _preflight(environ) if asks_first else _answer(api, environ, given())
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


def _answer(api: Answers, environ: Environ, given: Collection[str]) -> Reply:
    try:
        call = _read(environ)
        _refuse_elsewhere(call, given)
        return api.answer(call)
    except StripeError as error:
        return refused(error)
    except Exception as error:
        import logging  # not at the start: here is a bug of ours

        where = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"
        logging.getLogger(__name__).exception("stripe-emulator has a bug, in %s", where)
        return refused(Unavailable(f"stripe-emulator has a bug: {type(error).__name__}. Please report it."))


def _refuse_elsewhere(call: Call, given: Collection[str]) -> None:
    """Keep a page of another site from the whole account: any test key opens it, and a page can send one.

    A publishable key is for browsers. A page of a name that leads here is told by that name (``core.hosts``).

    :raises PageElsewhere: The page, or the name, is none of ours, and the key is a secret one.
    """
    named = [call.header("origin"), f"//{call.header('host')}"]
    if all(hosts.is_known(hosts.name_of(url), given) for url in named if url.strip("/")):
        return
    key = ""
    with suppress(StripeError):  # what is wrong with the key, the API says
        key = keys.given(call.header("authorization"), form_of(call))
    if key.startswith(keys.SECRET):
        raise PageElsewhere(
            "A page of another site can't use a secret key here. If your program asks for the emulator by "
            "this name, start stripe-emulator with --allow-host and the name."
        )


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
