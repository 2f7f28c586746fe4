"""PostgreSQL behind a door that can be shut: connections are taken, and nothing is answered."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

from sqlalchemy import URL


class Door:
    """Passes bytes between clients and the server while it is open."""

    def __init__(self, server: URL) -> None:
        self._socket = f"{server.query['host']}/.s.PGSQL.{server.port or 5432}"
        self._open = threading.Event()
        self._open.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = server.set(host="127.0.0.1", port=self._listener.getsockname()[1], query={})
        threading.Thread(target=self._take, daemon=True).start()

    @contextmanager
    def shut(self) -> Iterator[None]:
        self._open.clear()
        try:
            yield
        finally:
            self._open.set()

    def close(self) -> None:
        self._listener.close()

    def _take(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._socket)
                for source, target in ((client, server), (server, client)):
                    threading.Thread(target=self._pass_on, args=(source, target), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError), closing(target):
            while some := source.recv(65_536):
                self._open.wait()
                target.sendall(some)
