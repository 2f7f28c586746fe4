"""Requests are handed on once their body has come: a client that sends half of one holds no thread.

Nor does a client that does not take its answer: a long one ends when its caller has gone.
"""

from __future__ import annotations

import asyncio
from threading import Event
from typing import TYPE_CHECKING, cast
from urllib.parse import quote

from .handover import GONE

if TYPE_CHECKING:
    from a2wsgi.asgi_typing import ASGIApp, HTTPScope, Receive, ReceiveEvent, Scope, Send, SendEvent

PLAIN = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
ASCII = "".join(map(chr, range(128)))

#: How long a body may be on its way, and how long a caller may take for the next part of an answer.
BODY_WITHIN_S = 20.0
TAKEN_WITHIN_S = 20.0

#: An answer of more parts than this is a long one: from then on it is asked whether its caller is there.
FEW_PARTS = 3


class BufferedRequests:
    """An ASGI callable around one whose requests wait in threads.

    :param max_body: The longest body that is read, in bytes. A longer one is handed on
        empty, with its length, for the app to refuse.
    """

    def __init__(self, app: ASGIApp, *, max_body: int) -> None:
        self.app = app
        self.max_body = max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(BODY_WITHIN_S):
                body = await self.read(scope, receive)
        except TimeoutError:
            await refuse(send, 408, b"The body did not come in time.\n")
            return
        if body is None:
            await refuse(send, 400, b"The body has no end.\n")
            return
        answer = LongAnswer(receive, send)
        scope = cast("HTTPScope", {**with_length(scope, len(body)), GONE: answer.gone})
        body = b"" if len(body) > self.max_body else body
        try:
            await self.app(scope, once(body, receive), answer.send)
        finally:
            answer.end()

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


class LongAnswer:
    """An answer on its way, and whether its caller is still there. ``gone`` is set when not."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self.gone = Event()
        self._receive = receive
        self._send = send
        self._parts = 0
        self._watch: asyncio.Task[None] | None = None

    async def send(self, message: SendEvent) -> None:
        """Send a part; what comes after the caller has gone is dropped."""
        if self.gone.is_set():
            return
        self._parts += 1
        if self._parts > FEW_PARTS and self._watch is None:
            self._watch = asyncio.create_task(self._await_end())
        try:
            async with asyncio.timeout(TAKEN_WITHIN_S):
                await self._send(message)
        except (TimeoutError, OSError, RuntimeError):  # a server says by any of them that the line is closed
            self.gone.set()

    async def _await_end(self) -> None:
        event = await self._receive()
        if event["type"] == "http.disconnect":
            self.gone.set()

    def end(self) -> None:
        if self._watch is not None:
            self._watch.cancel()


async def refuse(send: Send, status: int, sentence: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": PLAIN})
    await send({"type": "http.response.body", "body": sentence})


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
