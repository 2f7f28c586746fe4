"""The emulator as a server: threads that answer, and one that delivers and lets time pass."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable
from typing import Any

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from stripe_emulator import clock
from stripe_emulator.app import LOST
from stripe_emulator.emulator import Emulator

#: Seconds between looks at the clock when nothing calls for one.
PULSE = 0.5


class Worker(threading.Thread):
    """Runs what falls due and delivers what is pending, until stopped."""

    def __init__(self, emulator: Emulator) -> None:
        super().__init__(name="stripe-emulator-worker", daemon=True)
        self._emulator = emulator
        self._wake = threading.Event()
        self._stopped = threading.Event()
        emulator.store.on_commit.append(self._wake.set)

    def run(self) -> None:
        while not self._stopped.is_set():
            self._wake.wait(PULSE)
            self._wake.clear()
            clock.run_due(self._emulator.store)
            # A few at a time: what falls due meanwhile should not wait for a slow receiver.
            while self._emulator.courier.deliver(limit=10) == 10 and not self._stopped.is_set():
                clock.run_due(self._emulator.store)

    def stop(self) -> None:
        self._stopped.set()
        self._wake.set()
        self.join(timeout=5)


class _Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_request(self, *_: Any) -> None:
        """Quiet: the dashboard tells more."""


def serve(emulator: Emulator, host: str, port: int) -> BaseWSGIServer:
    """A server that is bound and not yet running; port 0 picks a free one."""
    return make_server(host, port, _losing(emulator.app), threaded=True, request_handler=_Handler)


def _losing(app: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """Close the connection instead of answering where chaos lost the reply."""

    def call(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        lost = False

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            nonlocal lost
            lost = any(name == LOST for name, _ in headers)
            return start_response(status, headers, *rest)

        body = app(environ, start)
        if lost:
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            raise ConnectionAbortedError("the reply is lost")
        return body

    return call
