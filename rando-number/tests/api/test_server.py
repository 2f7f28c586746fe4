"""The server in front of the app: ambiguous requests, and what stands in its URLs."""

from __future__ import annotations

import os
import re
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.parse import unquote

import pytest
from flask import request, request_started

from ..running_shop import NEW_PASSWORD, PASSWORD, RunningShop

#: Requests that two servers in a row would cut in different places. Each hides a second one.
SMUGGLED = {
    "both lengths": b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    "two lengths": b"Content-Length: 0\r\nContent-Length: 44\r\n\r\n",
    "a negative length": b"Content-Length: -1\r\n\r\n",
    "a length with a sign": b"Content-Length: +4\r\n\r\nabcd",
    "a length that is none": b"Content-Length: 0x4\r\n\r\nabcd",
    "a bad chunk": b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabcd\r\n0\r\n\r\n",
    "a chunk without its end": b"Transfer-Encoding: chunked\r\n\r\n4\r\nabcdX0\r\n\r\n",
    "an unknown encoding": b"Transfer-Encoding: xchunked\r\n\r\n",
    "chunked not last": b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "a space before the colon": b"Content-Length : 44\r\n\r\n",
    "a folded header": b"X-A: b\r\n Content-Length: 44\r\n\r\n",
    "a NUL": b"X-A: b\x00c\r\n\r\n",
}
#: How `deploy/` starts it, where it matters who keeps it waiting.
AS_DEPLOYED = ["--http1-header-read-timeout", "10000", "--backlog", "4096", "--backpressure", "4096"]

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
#: Ends the head of a request after whose answer the server closes the line.
LAST = b"Connection: close\r\n\r\n"
HIDDEN = HEALTH + LAST

#: A server that is at work answers within so many seconds, on whatever machine.
PATIENCE_S = 60


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("served")


@pytest.fixture(scope="module")
def key(data: Path) -> str:
    """A customer's key to the shop that is served."""
    return RunningShop(data).customer().make_key()


@pytest.fixture(scope="module")
def server(data: Path, key: str) -> Iterator[tuple[str, int]]:
    """The server that `./dev run` starts, without limits, with the app on a database with one customer."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    where = ["--host", "127.0.0.1", "--port", str(port), "--no-ws", "--log-level", "error", *AS_DEPLOYED]
    granian = str(Path(sys.executable).parent / "granian")
    child = subprocess.Popen(
        [granian, "--interface", "asginl", "--runtime-mode", "st", *where, "rando_number.asgi:app"],
        env={**os.environ, "RANDO_DATA": str(data), "RATELIMIT_ENABLED": "0"},
    )
    try:
        await_answer(port, child)
        yield "127.0.0.1", port
    finally:
        child.terminate()
        child.wait(60)


def await_answer(port: int, child: subprocess.Popen[bytes]) -> None:
    while child.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as line:
            line.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            if line.recv(12).endswith(b"200"):
                return
    raise AssertionError(f"the server ended with {child.returncode}")


def answers_to(server: tuple[str, int], sent: bytes) -> list[bytes]:
    """The status of each answer until the server closes the line: after a ``LAST`` request, or a bad one."""
    heard = b""
    with socket.create_connection(server, PATIENCE_S) as line, suppress(ConnectionError):
        line.sendall(sent)
        while more := line.recv(65_536):
            heard += more
    return re.findall(rb"HTTP/1\.1 (\d{3})", heard)


def test_two_plain_requests_on_one_line_are_both_answered(server: tuple[str, int]) -> None:
    assert answers_to(server, HEALTH + b"\r\n" + HIDDEN) == [b"200", b"200"]


def test_a_program_buys_where_limits_are_lifted(server: tuple[str, int], key: str) -> None:
    call = f"GET /api/v1/number/ HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n".encode()

    assert answers_to(server, call + b"\r\n" + call + LAST) == [b"200", b"200"]


@pytest.mark.parametrize("name", SMUGGLED)
def test_an_ambiguous_request_smuggles_no_second_one(server: tuple[str, int], name: str) -> None:
    answers = answers_to(server, HEALTH + SMUGGLED[name] + HIDDEN)

    # Refused, or answered once and the line closed, so that what follows is nobody's request.
    assert len(answers) <= 1


def test_a_malformed_body_is_refused(server: tuple[str, int]) -> None:
    head = b"POST /prepaid/webhook HTTP/1.1\r\nHost: localhost\r\n"

    for name in ("both lengths", "a bad chunk", "a chunk without its end"):
        assert answers_to(server, head + SMUGGLED[name] + HIDDEN) in ([], [b"400"]), name


def test_half_a_request_keeps_nobody_waiting(server: tuple[str, int]) -> None:
    with ExitStack() as lines:
        for _ in range(60):
            line = lines.enter_context(socket.create_connection(server, PATIENCE_S))
            line.sendall(b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 40\r\n\r\nhalf")

        assert answers_to(server, HIDDEN) == [b"200"]


def test_a_thousand_idle_lines_keep_nobody_waiting(server: tuple[str, int]) -> None:
    files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    try:
        with ExitStack() as lines:
            for _ in range(1_200):
                lines.enter_context(socket.create_connection(server, PATIENCE_S))

            assert answers_to(server, HIDDEN) == [b"200"]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, most))


def test_a_body_in_chunks_is_read_to_its_end(server: tuple[str, int]) -> None:
    head = b"POST /login HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"

    assert answers_to(server, head + b"4\r\nabcd\r\n1\r\ne\r\n0\r\n\r\n" + HIDDEN)[-1:] == [b"200"]
    too_long = b"%x\r\n%s\r\n0\r\n\r\n" % (400_000, b"a" * 400_000)
    closing = head.replace(b"Transfer-", b"Connection: close\r\nTransfer-")
    assert answers_to(server, closing + too_long)[:1] == [b"413"]


@pytest.mark.parametrize("path", ["/%ff", "/\xff", "/?\xff", "/api/v1/number/?min=\xff", "/api/v1/number/?%"])
def test_bytes_that_are_not_text_give_no_500(server: tuple[str, int], path: str) -> None:
    call = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \xff\r\n".encode("latin-1")

    assert [status for status in answers_to(server, call + LAST) if status >= b"500"] == []


def test_no_secret_and_no_address_is_in_a_url(shop: RunningShop) -> None:
    visitor = shop.visitor()
    urls: list[str] = []

    def remember(sender: object, **extra: object) -> None:
        urls.append(unquote(request.full_path))

    with request_started.connected_to(remember, shop.app):
        visitor.register("canary@rando.test")
        key = visitor.make_key("canary")
        visitor.send("/logout")
        visitor.login("canary@rando.test", "canary of a wrong one")
        link = shop.reset_link("canary@rando.test")
        shown = visitor.get(link)
        visitor.send(link, **NEW_PASSWORD)
        visitor.login("canary@rando.test", NEW_PASSWORD["password"])
        visitor.move_to("canary2@rando.test")
        for path in ("/user-profile", "/usage", "/cards", "/sessions"):
            visitor.get(path)

    walked = "\n".join(urls)
    for secret in ("canary", PASSWORD, NEW_PASSWORD["password"], key):
        assert secret not in walked
    # The one secret of a link is worth nothing after it, and no other site learns it.
    assert shown.headers["Referrer-Policy"] == "same-origin"
    assert visitor.get(link).location == "/reset"
