"""A slow 3G line, as a SOCKS5 proxy: 400 kbit/s for all that comes down, 400 ms for a way there and back.

Chromium's own throttling opens connections in no time; here each costs such a way, as it does outdoors.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

BYTES_PER_S = 50_000
ROUND_TRIP_S = 0.4

#: What fits into a packet, and so comes at once.
PACKET = 1460

NAME = 3
CONNECTED = b"\x05\x00\x00\x01" + bytes(6)


class SlowLine:
    """The line that all connections of one browser share."""

    def __init__(self) -> None:
        self.port = 0
        self._free_at = 0.0
        self._connections: set[asyncio.Task[None]] = set()

    async def serve(self, started: threading.Event, stop: asyncio.Event) -> None:
        server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        started.set()
        await stop.wait()
        server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _connect(self, browser: asyncio.StreamReader, to_browser: asyncio.StreamWriter) -> None:
        connection = asyncio.current_task()
        assert connection is not None
        self._connections.add(connection)
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            async with closed_in_the_end(to_browser):
                port = await wanted(browser, to_browser)
                await asyncio.sleep(ROUND_TRIP_S)
                shop, to_shop = await asyncio.open_connection("127.0.0.1", port)
                to_browser.write(CONNECTED)
                async with closed_in_the_end(to_shop):
                    await asyncio.gather(
                        self._carry(browser, to_shop, is_down=False),
                        self._carry(shop, to_browser, is_down=True),
                    )
        self._connections.discard(connection)

    async def _carry(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, is_down: bool
    ) -> None:
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        arriving = asyncio.create_task(arrive(under_way, target))
        now = asyncio.get_running_loop().time
        packet = b"first"
        try:
            while packet:
                packet = await source.read(PACKET)
                leaves = now()
                if is_down:
                    leaves = self._free_at = max(self._free_at, leaves) + len(packet) / BYTES_PER_S
                under_way.put_nowait((leaves + ROUND_TRIP_S / 2, packet))
            await arriving
        finally:
            arriving.cancel()


@asynccontextmanager
async def closed_in_the_end(stream: asyncio.StreamWriter) -> AsyncIterator[None]:
    try:
        yield
    finally:
        stream.close()
        with suppress(OSError):
            await stream.wait_closed()


async def wanted(browser: asyncio.StreamReader, to_browser: asyncio.StreamWriter) -> int:
    """The port to which the browser wants to go: https://www.rfc-editor.org/rfc/rfc1928"""
    _, methods = await browser.readexactly(2)
    await browser.readexactly(methods)
    to_browser.write(b"\x05\x00")
    kind = (await browser.readexactly(4))[3]
    assert kind == NAME, "Chromium leaves it to the proxy to find hosts by their names"
    (length,) = await browser.readexactly(1)
    await browser.readexactly(length)
    return int.from_bytes(await browser.readexactly(2))


async def arrive(under_way: asyncio.Queue[tuple[float, bytes]], target: asyncio.StreamWriter) -> None:
    """Write each packet when its time has come; an empty one is the end."""
    now = asyncio.get_running_loop().time
    while True:
        at, packet = await under_way.get()
        await asyncio.sleep(at - now())
        if not packet:
            target.close()
            return
        target.write(packet)
        await target.drain()


@contextmanager
def slow_line() -> Iterator[str]:
    """The proxy's address, for a browser."""
    line, started, stop, loop = SlowLine(), threading.Event(), asyncio.Event(), asyncio.new_event_loop()

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(line.serve(started, stop))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert started.wait(10)
    yield f"socks5://127.0.0.1:{line.port}"
    loop.call_soon_threadsafe(stop.set)
    thread.join(10)
