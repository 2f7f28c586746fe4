"""The emulator as a server: threads that answer, one for time, and one for each receiver of events."""

from __future__ import annotations

import io
import select
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

from werkzeug.serving import BaseWSGIServer, ThreadedWSGIServer, WSGIRequestHandler

from stripe_emulator.api import request_log
from stripe_emulator.core.errors import Unavailable
from stripe_emulator.core.time import due_work
from stripe_emulator.core.wire import MAX_BYTES
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
        due_work.run_due(account.store)
        if account.store.path is not None:
            request_log.write(account.store)
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


class _Server(ThreadedWSGIServer):
    """Programs keep their connection for the next call; those that wait end with the server."""

    def __init__(self, host: str, port: int, app: App) -> None:
        super().__init__(host, port, app, _Handler)
        self.kept: set[socket.socket] = set()
        self.has_ended = False

    def shutdown(self) -> None:
        super().shutdown()
        self.has_ended = True  # a call that comes by a kept connection in this moment is not answered
        for connection in list(self.kept):
            with suppress(OSError):  # it has hung up
                connection.shutdown(socket.SHUT_RD)


class _Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def log_request(self, *_: Any) -> None:
        """Log nothing: the dashboard shows more."""

    def setup(self) -> None:
        super().setup()
        self.server.kept.add(self.connection)

    def finish(self) -> None:
        self.server.kept.discard(self.connection)
        super().finish()

    def run_wsgi(self) -> None:
        """Answer a request. After a call of a program the connection stays, which Werkzeug always closes."""
        if self.server.has_ended:
            self.close_connection = True
        elif self._is_call():
            self._answer_call()
        else:
            super().run_wsgi()

    def _is_call(self) -> bool:
        """Whether a program calls, and its body will be read to the end."""
        length = self.headers.get("Content-Length", "0")
        if any(name in self.headers for name in ("Transfer-Encoding", "Upgrade", "Expect")):
            return False
        short = length.isascii() and length.isdigit() and int(length) <= MAX_BYTES
        return short and self.path.startswith(("/v1/", "/v2/"))

    def _answer_call(self) -> None:
        answer: list[Any] = []

        def start(*given: Any) -> Callable[[bytes], object]:
            answer.extend(given)
            return self.wfile.write

        try:
            body = b"".join(self.server.app(self.make_environ(), start))
            status, headers = answer
            code, _, phrase = status.partition(" ")
            connection, self.wfile = self.wfile, io.BytesIO()  # one packet: two would wake the program twice
            self.send_response(int(code), phrase)
            for name, value in headers:
                self.send_header(name, value)
            self.end_headers()
            packet, self.wfile = self.wfile.getvalue() + body, connection
            self.wfile.write(packet)
        except ConnectionError:
            self.close_connection = True


def serve(emulator: Emulator, host: str, port: int) -> BaseWSGIServer:
    """A server that is bound and not yet running; port 0 picks a free one."""
    answers = front(emulator.accounts or emulator.api, _pages(emulator), emulator.names)
    return _Server(host, port, closing_each(cli_socket.around(emulator, _losing(answers))))


def closing_each(app: App) -> App:
    """Close each answer, and the file in it: Werkzeug does not where a reader has broken the line."""

    def call(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
        answer = app(environ, start_response)
        try:
            yield from answer
        finally:
            if hasattr(answer, "close"):
                answer.close()

    return call


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
