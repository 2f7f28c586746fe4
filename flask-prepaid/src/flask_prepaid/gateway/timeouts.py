"""HTTP with an end to it: a limit for each attempt, and one for a call with all its repeats.

The timeout of ``requests`` is per read, so that an answer of a byte every nine seconds
takes hours and holds a worker all the while. Here it counts from connecting to the last
byte read. Only the resolver's own timeout for a name comes on top.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection

_began: ContextVar[float | None] = ContextVar("prepaid_call_began", default=None)


class OutOfPatience(requests.RequestException):
    """The call has taken too long with its repeats already. Not a ``Timeout``: the SDK repeats those."""


def is_wrong_certificate(error: BaseException | None) -> bool:
    """Whether whoever answered could not prove to be the one that was called."""
    return isinstance(error, requests.exceptions.SSLError)


@contextmanager
def one_call() -> Iterator[None]:
    """What is sent in here is one call and its repeats."""
    token = _began.set(time.monotonic())
    try:
        yield
    finally:
        _began.reset(token)


class Session(requests.Session):
    """A session that ends each attempt after ``attempt_s`` seconds, and a call after ``call_s``."""

    def __init__(self, *, attempt_s: float, call_s: float) -> None:
        super().__init__()
        self.attempt_s = attempt_s
        self.call_s = call_s
        self.mount("https://", _Adapter())
        self.mount("http://", _Adapter())

    def request(self, *args: Any, **options: Any) -> requests.Response:
        """
        :raises OutOfPatience: No time is left for another attempt.
        """
        began = _began.get()
        left_s = self.call_s - (time.monotonic() - began) if began is not None else self.attempt_s
        if left_s <= 0:
            raise OutOfPatience("the call has taken too long")
        options["timeout"] = urllib3.Timeout(total=min(self.attempt_s, left_s))
        return super().request(*args, **options)


class _Body(io.RawIOBase):
    """What comes in on a socket, until the socket's timeout has gone by in all."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)
        self._until = time.monotonic() + (sock.gettimeout() or 0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left_s = self._until - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("the answer took too long")
        self._sock.settimeout(left_s)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.fp.close()
        self.fp = io.BufferedReader(_Body(sock))


class Connection(HTTPConnection):
    response_class = _Response


class SecureConnection(HTTPSConnection):
    response_class = _Response


class _Adapter(HTTPAdapter):
    def get_connection_with_tls_context(self, *args: Any, **options: Any) -> urllib3.HTTPConnectionPool:
        pool = super().get_connection_with_tls_context(*args, **options)
        pool.ConnectionCls = SecureConnection if pool.scheme == "https" else Connection
        return pool
