"""A shop behind an event loop, and many calls at the same time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, TypeVar

from a2wsgi import ASGIMiddleware
from werkzeug.test import Client, TestResponse

Result = TypeVar("Result")


class Reader(Client):
    """Reads each answer to its end: one that is left half-way keeps its task waiting in the event loop."""

    def open(self, *request: Any, buffered: bool = True, **more: Any) -> TestResponse:
        return super().open(*request, buffered=buffered, **more)


def client_of(asgi: Any) -> Client:
    """A client without cookies. One event loop serves all of them."""
    through_a_loop: Any = ASGIMiddleware(asgi, loop=event_loop())
    return Reader(through_a_loop, TestResponse, use_cookies=False)


@cache
def event_loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    return loop


def at_once(calls: int, call: Callable[[int], Result]) -> list[Result]:
    """What came of each call, all begun at one signal, each in a thread of its own."""
    together = threading.Barrier(calls)

    def begin(number: int) -> Result:
        together.wait()
        return call(number)

    with ThreadPoolExecutor(calls) as threads:
        return list(threads.map(begin, range(calls)))
