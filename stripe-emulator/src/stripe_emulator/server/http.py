"""The emulator as a server: threads that answer, one for time, and one for each receiver of events."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from stripe_emulator.core import clock
from stripe_emulator.core.errors import Unavailable
from stripe_emulator.server import cli_socket
from stripe_emulator.server.emulator import Emulator
from stripe_emulator.server.front import LOST, SILENT, App, front

#: Seconds that a caller is left without an answer; each SDK of Stripe's gives up sooner.
SILENCE = 90

#: Seconds between checks of the clock when nothing calls for one.
PULSE = 0.5


class Worker(threading.Thread):
    """Runs what falls due and delivers events to each endpoint, until stopped.

    A slow receiver delays nobody but itself: each has a thread while something waits for it.
    """

    def __init__(self, emulator: Emulator) -> None:
        super().__init__(name="stripe-emulator-worker", daemon=True)
        self._emulator = emulator
        self._wake = threading.Event()
        self._stopped = threading.Event()
        self._delivering: set[tuple[str, str]] = set()
        emulator.store.on_commit.append(self._wake.set)

    def run(self) -> None:
        with suppress(Unavailable):  # the emulator was closed
            while not self._stopped.is_set():
                self._wake.wait(PULSE)
                self._wake.clear()
                for account in list(self._emulator.everyone()):
                    self._look_after(account)

    def stop(self) -> None:
        self._stopped.set()
        self._wake.set()
        self.join(timeout=5)

    def _look_after(self, account: Emulator) -> None:
        clock.run_due(account.store)
        for endpoint in account.courier.waiting():
            if (account.store.account, endpoint) not in self._delivering:
                self._delivering.add((account.store.account, endpoint))
                threading.Thread(target=self._deliver, args=(account, endpoint), daemon=True).start()

    def _deliver(self, account: Emulator, endpoint: str) -> None:
        try:
            with suppress(Unavailable):  # closed meanwhile; what was sent goes again
                account.courier.deliver(endpoint=endpoint)
        finally:
            self._delivering.discard((account.store.account, endpoint))
            self._wake.set()  # something may have come for it after its last look


class _Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_request(self, *_: Any) -> None:
        """Log nothing: the dashboard shows more."""


def serve(emulator: Emulator, host: str, port: int) -> BaseWSGIServer:
    """A server that is bound and not yet running; port 0 picks a free one."""
    return make_server(
        host,
        port,
        cli_socket.around(emulator, _losing(front(emulator.accounts or emulator.api, _pages(emulator)))),
        threaded=True,
        request_handler=_Handler,
    )


def _pages(emulator: Emulator) -> App:
    """The emulator's app, which is made when the first page is asked for."""

    def call(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        return emulator.app(environ, start_response)

    return call


def _losing(app: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """Where chaos lost the reply, close the connection instead: at once, or after a long silence."""

    def call(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        fate = ""

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            nonlocal fate
            fate = next((name for name, _ in headers if name in (LOST, SILENT)), "")
            return start_response(status, headers, *rest)

        body = app(environ, start)
        if fate:
            connection = environ["werkzeug.socket"]
            if fate == SILENT:
                select.select([connection], [], [], SILENCE)  # until the caller hangs up
            with suppress(OSError):  # it has hung up
                connection.shutdown(socket.SHUT_RDWR)
            raise ConnectionAbortedError("the reply is lost")
        return body

    return call
