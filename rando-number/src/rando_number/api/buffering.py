"""Requests are handed on once their body has come: a client that sends half of one holds no thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast
from urllib.parse import quote

if TYPE_CHECKING:
    from a2wsgi.asgi_typing import ASGIApp, HTTPScope, Receive, ReceiveEvent, Scope, Send


PLAIN = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
ASCII = "".join(map(chr, range(128)))


class BufferedRequests:
    """An ASGI callable around one whose requests wait in threads.

    :param max_body: The longest body that is read, in bytes. A longer one is handed on
        empty, with its length, for the app to refuse.
    """

    def __init__(self, app: ASGIApp, *, max_body: int) -> None:
        self.app = app
        self.max_body = max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            body = await self.read(scope, receive)
            if body is None:
                await send({"type": "http.response.start", "status": 400, "headers": PLAIN})
                await send({"type": "http.response.body", "body": b"The body has no end.\n"})
                return
            scope = with_length(scope, len(body))
            body = b"" if len(body) > self.max_body else body
            receive = once(body, receive)
        await self.app(scope, receive, send)

    async def read(self, scope: HTTPScope, receive: Receive) -> bytes | None:
        """The body, or the part of it that shows it is too long; ``None`` if it was cut on the way."""
        body = bytearray()
        more = True
        while more and len(body) <= self.max_body:
            event = await receive()
            if event["type"] != "http.request":
                return None
            body += event.get("body", b"")
            more = event.get("more_body", False)
        length = dict(scope["headers"]).get(b"content-length", b"")
        return None if not more and len(body) < int(length or 0) else bytes(body)


def with_length(scope: HTTPScope, length: int) -> HTTPScope:
    """The request as WSGI has it: with a length, however its body came, and a query in ASCII."""
    headers = [
        (name, value)
        for name, value in scope["headers"]
        if name not in (b"content-length", b"transfer-encoding")
    ]
    if length:
        headers.append((b"content-length", str(length).encode()))
    query = quote(scope["query_string"], safe=ASCII).encode()
    return cast("HTTPScope", {**scope, "headers": headers, "query_string": query})


def once(body: bytes, receive: Receive) -> Receive:
    """A ``receive`` that gives the whole body, and then what comes."""
    events: list[ReceiveEvent] = [{"type": "http.request", "body": body, "more_body": False}]

    async def next_event() -> ReceiveEvent:
        return events.pop() if events else await receive()

    return next_event
