"""A connection that breaks: a call or its answer arrives, arrives in half, or does not arrive."""

from __future__ import annotations

import random
import socket
import struct
import threading
from contextlib import suppress

RESET_AT_CLOSE = struct.pack("ii", 1, 0)


class BrokenConnection:
    """Passes bytes on to a port, and resets a share of the connections.

    A third of them before the request was passed on, a third before the answer, a third in the
    middle of the answer.

    :param share: How many of the connections break, from 0 to 1.
    """

    def __init__(self, to_port: int, *, share: float, seed: int = 7) -> None:
        self.to_port, self.share = to_port, share
        self.cut = {"before the request": 0, "before the answer": 0, "in the answer": 0}
        self._chance = random.Random(seed)
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = int(self._socket.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        self._socket.close()

    def _serve(self) -> None:
        with suppress(OSError):  # closed
            while True:
                near, _ = self._socket.accept()
                draw = self._chance.random() / self.share if self.share else 2
                threading.Thread(target=self._carry, args=[near, draw], daemon=True).start()

    def _carry(self, near: socket.socket, draw: float) -> None:
        with near, suppress(OSError), socket.create_connection(("127.0.0.1", self.to_port), 5) as far:
            far.settimeout(60)
            request = request_from(near)
            if draw < 1 / 3:
                self._reset(near, "before the request")
                return
            far.sendall(request)
            answer = b""
            while more := far.recv(1_000_000):
                answer += more
            if draw < 2 / 3:
                self._reset(near, "before the answer")
            elif draw < 1:
                near.sendall(answer[: len(answer) - 5])
                self._reset(near, "in the answer")
            else:
                near.sendall(answer)

    def _reset(self, near: socket.socket, when: str) -> None:
        self.cut[when] += 1
        near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)


def request_from(near: socket.socket) -> bytes:
    """One request with its body, which often comes apart from its head."""
    read = b""
    while b"\r\n\r\n" not in read:
        more = near.recv(65_536)
        if not more:
            return read
        read += more
    head, _, body = read.partition(b"\r\n\r\n")
    lines = [line.lower() for line in head.split(b"\r\n")]
    length = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), 0)
    while len(body) < length:
        body += near.recv(65_536)
    return head + b"\r\n\r\n" + body
