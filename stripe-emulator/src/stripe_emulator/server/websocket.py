"""A WebSocket as a server speaks it: the handshake, text frames, pings and the end. RFC 6455."""

from __future__ import annotations

import base64
import hashlib
import select
import socket
import struct

_MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA

#: More than a client of ours ever sends in one frame, in bytes.
_MOST = 16 * 1024 * 1024


class Closed(Exception):
    """The other side has gone, or speaks something else."""


class WebSocket:
    """One connection, after the handshake."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    @staticmethod
    def accept(connection: socket.socket, key: str) -> WebSocket:
        """Answer the handshake of a client that sent ``Sec-WebSocket-Key``."""
        digest = base64.b64encode(hashlib.sha1((key + _MAGIC).encode()).digest()).decode()  # noqa: S324
        connection.sendall(
            "HTTP/1.1 101 Switching Protocols\r\n"
            "Upgrade: websocket\r\n"
            "Connection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {digest}\r\n\r\n".encode()
        )
        return WebSocket(connection)

    def send(self, text: str) -> None:
        """:raises Closed: Nobody is there."""
        self._send(TEXT, text.encode())

    def wait(self, seconds: float) -> None:
        """Read what comes within so many seconds, answer pings, and leave the rest.

        :raises Closed: The client has closed, or hung up.
        """
        readable, _, _ = select.select([self._connection], [], [], seconds)
        if not readable:
            return
        opcode, payload = self._frame()
        if opcode == PING:
            self._send(PONG, payload)
        elif opcode == CLOSE:
            self._send(CLOSE, payload[:2])
            raise Closed

    def _send(self, opcode: int, payload: bytes) -> None:
        length = len(payload)
        if length < 126:
            head = struct.pack("!BB", 0x80 | opcode, length)
        elif length < 1 << 16:
            head = struct.pack("!BBH", 0x80 | opcode, 126, length)
        else:
            head = struct.pack("!BBQ", 0x80 | opcode, 127, length)
        try:
            self._connection.sendall(head + payload)
        except OSError:
            raise Closed from None

    def _frame(self) -> tuple[int, bytes]:
        """The next frame; a client masks what it sends."""
        first, second = self._read(2)
        length = second & 0x7F
        if length == 126:
            (length,) = struct.unpack("!H", self._read(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", self._read(8))
        if length > _MOST or not second & 0x80:
            raise Closed
        mask = self._read(4)
        payload = bytes(byte ^ mask[place % 4] for place, byte in enumerate(self._read(length)))
        return first & 0x0F, payload

    def _read(self, count: int) -> bytes:
        parts = b""
        while len(parts) < count:
            try:
                part = self._connection.recv(count - len(parts))
            except OSError:
                raise Closed from None
            if not part:
                raise Closed
            parts += part
        return parts
