"""A line between the app and Stripe that can be cut, slowed, silenced, and talked into."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import stripe
from werkzeug.serving import make_server


@dataclass(frozen=True)
class Fault:
    """What is wrong with the line; nothing by default.

    :param cut_up: Bytes of a request that get through before the line is cut.
    :param cut_down: As many of an answer.
    :param silent: Whether it takes everything and answers nothing.
    :param says: What it answers itself, to anything.
    :param latency_s: How long an answer waits before it begins.
    :param bytes_per_s: How fast an answer comes.
    """

    cut_up: int | None = None
    cut_down: int | None = None
    silent: bool = False
    says: bytes | None = None
    latency_s: float = 0
    bytes_per_s: int | None = None


FINE = Fault()


class Wire:
    """The line, on a port of its own. Its ``fault`` counts for connections that begin from now on."""

    def __init__(self, upstream_port: int) -> None:
        self.upstream_port = upstream_port
        self.fault = FINE
        self.reached = threading.Event()
        self.silent: set[asyncio.StreamWriter] = set()
        self.longest_request = 0
        self.longest_answer = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._server = self._run(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = int(self._server.sockets[0].getsockname()[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def hang_up(self) -> None:
        """Cut the connections on which nothing is answered."""
        for writer in tuple(self.silent):
            self._loop.call_soon_threadsafe(writer.transport.abort)

    def close(self) -> None:
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, doing: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(doing, self._loop).result()

    async def _end(self) -> None:
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        fault = self.fault
        self.reached.set()
        try:
            if fault.says is not None:
                await client.readuntil(b"\r\n\r\n")
                to_client.write(fault.says)
                await to_client.drain()
            elif fault.silent:
                self.silent.add(to_client)
                await client.read(-1)  # until somebody hangs up
            else:
                await self._connect(client, to_client, fault)
        except (OSError, asyncio.IncompleteReadError):
            pass  # either end may hang up at any time: that is what this is for
        finally:
            self.silent.discard(to_client)
            to_client.transport.abort() if is_cut(fault) else to_client.close()

    async def _connect(
        self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter, fault: Fault
    ) -> None:
        stripe_, to_stripe = await asyncio.open_connection("127.0.0.1", self.upstream_port)
        up = asyncio.create_task(self._up(client, to_stripe, fault))
        down = asyncio.create_task(self._down(stripe_, to_client, fault))
        try:
            await asyncio.wait((up, down), return_when=asyncio.FIRST_COMPLETED)
        finally:
            up.cancel()
            down.cancel()
            to_stripe.close()

    async def _up(self, client: asyncio.StreamReader, to_stripe: asyncio.StreamWriter, fault: Fault) -> None:
        passed = 0
        async for chunk in chunks(client, cut=fault.cut_up):
            passed += len(chunk)
            self.longest_request = max(self.longest_request, passed)
            to_stripe.write(chunk)
            await to_stripe.drain()

    async def _down(
        self, answer: asyncio.StreamReader, to_client: asyncio.StreamWriter, fault: Fault
    ) -> None:
        if fault.cut_down == 0:
            await answer.read(1)  # there is an answer to cut once the request has arrived
        passed = 0
        async for chunk in chunks(answer, cut=fault.cut_down, max_bytes=1 if fault.bytes_per_s else 65_536):
            if passed == 0:
                await asyncio.sleep(fault.latency_s)
            if fault.bytes_per_s:
                await asyncio.sleep(1 / fault.bytes_per_s)
            passed += len(chunk)
            self.longest_answer = max(self.longest_answer, passed)
            to_client.write(chunk)
            await to_client.drain()


def is_cut(fault: Fault) -> bool:
    return fault.cut_up is not None or fault.cut_down is not None


async def chunks(
    source: asyncio.StreamReader, *, cut: int | None, max_bytes: int = 65_536
) -> AsyncIterator[bytes]:
    """What comes, in pieces of ``max_bytes`` bytes, until there is no more or ``cut`` bytes have come."""
    passed = 0
    while passed != cut:
        chunk = await source.read(max_bytes if cut is None else min(max_bytes, cut - passed))
        if not chunk:
            return
        passed += len(chunk)
        yield chunk


class Hurried(stripe.RequestsClient):
    """The SDK's client, which does not wait before it asks again."""

    def _sleep_time_seconds(self, num_retries: int) -> float:
        return 0


@contextmanager
def served(app: Callable[..., Any], port: int, *, threaded: bool = True) -> Iterator[str]:
    """``app`` on a port of this machine. Without threads, leaving waits for the request at work."""
    server = make_server("127.0.0.1", port, app, threaded=threaded)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])
