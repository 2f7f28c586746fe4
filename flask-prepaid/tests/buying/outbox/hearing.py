"""A customer's program that hears webhooks, and a shop that sends them to this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from standardwebhooks import Webhook

from flask_prepaid import signals
from flask_prepaid.context import transaction
from flask_prepaid.outbox.webhooks.http import Poster

from ..shop import Shop


@dataclass
class Program:
    """What a customer's program was sent, as id and JSON; it answers ``status`` to each."""

    url: str = ""
    status: int = 200
    location: str = ""
    #: Each of so many requests is answered 500; 0 is none.
    fails_every: int = 0
    heard: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    @property
    def numbers(self) -> list[int]:
        """The credits of what was answered well, in the order in which it came."""
        return [body["data"]["credits"] for _, body in self.heard]

    def proves(self, secret: str) -> bool:
        """Whether all that came is signed under the secret, by the library of Standard Webhooks."""
        for headers, body in zip(self.headers, self.bodies, strict=True):
            Webhook(secret).verify(body, headers)
        return bool(self.bodies)


@contextmanager
def hearing() -> Iterator[Program]:
    """A customer's program on this machine."""
    program = Program()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            program.headers.append(dict(self.headers.items()))
            program.bodies.append(body)
            fails = program.fails_every and len(program.bodies) % program.fails_every == 0
            status = 500 if fails else program.status
            if 200 <= status < 300:
                program.heard.append((self.headers["webhook-id"], json.loads(body)))
            self.send_response(status)
            if program.location:
                self.send_header("Location", program.location)
            self.end_headers()
            self.wfile.write(b"no" if status >= 400 else b"")

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=[0.02])
    thread.start()
    program.url = f"http://127.0.0.1:{server.server_port}/hook?by=us"
    try:
        yield program
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def tell(shop: Shop, number: int, owner: str = "user:1") -> None:
    """Tell the host and the owner something, with a number to know it by."""

    def write() -> None:
        with transaction(shop.prepaid) as session:
            signals.after_commit(session, signals.credits_added, owner=owner, credits=number, payment_id=None)

    shop.read(write)


def add(shop: Shop, url: str, owner: str = "user:1", events: tuple[str, ...] = ()) -> tuple[int, str]:
    """The id and the secret of a new endpoint."""

    def ask() -> tuple[int, str]:
        row = shop.prepaid.add_endpoint(owner, url, events=events)
        return row.id, row.secret

    id, secret = shop.read(ask)
    return id, secret


def local(**names: list[str]) -> Poster:
    """Posts to this machine, with a DNS of its own."""
    return Poster(local=True, resolve=lambda host, port: names[host.partition(".")[0]])
