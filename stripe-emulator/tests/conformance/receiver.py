"""Where Stripe's command line, or the emulator itself, sends events to in these tests."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue


class Receiver(ThreadingHTTPServer):
    """A webhook endpoint that keeps what came, and how it was signed."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Receiver.Handler)
        self.came: SimpleQueue[tuple[bytes, str]] = SimpleQueue()

    class Handler(BaseHTTPRequestHandler):
        server: Receiver

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.server.came.put((body, self.headers["Stripe-Signature"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing: a test's output is its outcome."""
