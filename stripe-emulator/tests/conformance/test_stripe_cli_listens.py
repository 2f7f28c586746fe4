"""Stripe's own command line listens to the emulator's events and to its log, as it does to Stripe's."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
import stripe

from stripe_emulator import Emulator

from .receiver import Receiver

KEY = "sk_test_1234567890123"
PATIENCE = 60


@contextmanager
def running(cli: Path, home: Path, emulator: Emulator, *arguments: str) -> Iterator[SimpleQueue[str]]:
    """The program, once it says that it is ready; the lines that it prints from then on."""
    base = ["--api-key", KEY, "--api-base", emulator.store.base_url, "--config", str(home / "cli.toml")]
    with subprocess.Popen(
        [cli, *arguments, *base],
        env={**os.environ, "HOME": str(home), "STRIPE_CLI_TELEMETRY_OPTOUT": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        lines: SimpleQueue[str] = SimpleQueue()
        assert process.stdout is not None
        reader = threading.Thread(target=collect, args=(process.stdout, lines))
        reader.start()
        try:
            line_with(lines, "Ready!")
            yield lines
        finally:
            process.terminate()
            reader.join()


def collect(output: Iterable[str], lines: SimpleQueue[str]) -> None:
    for line in output:
        lines.put(line)


def line_with(lines: SimpleQueue[str], text: str) -> str:
    """The next line that has a text in it."""
    while text not in (line := lines.get(timeout=PATIENCE)):
        pass
    return line


def client_of(emulator: Emulator) -> stripe.StripeClient:
    return stripe.StripeClient(KEY, base_addresses={"api": emulator.store.base_url})


def test_listen_forwards_events_signed_with_the_secret_that_it_prints(
    cli: Path, served: Emulator, receiver: Receiver, tmp_path: Path
) -> None:
    secret = subprocess.run(
        [cli, "listen", "--print-secret", "--api-key", KEY, "--api-base", served.store.base_url],
        env={**os.environ, "HOME": str(tmp_path), "STRIPE_CLI_TELEMETRY_OPTOUT": "1"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    ).stdout.strip()
    url = f"http://127.0.0.1:{receiver.server_port}/webhook"
    with running(cli, tmp_path, served, "listen", "--events", "customer.created", "--forward-to", url):
        customer = client_of(served).v1.customers.create({"email": "jo@example.com"})
        body, signature = receiver.came.get(timeout=PATIENCE)

    event = stripe.Webhook.construct_event(body, signature, secret)
    assert (event.type, event.data.object.id) == ("customer.created", customer.id)


def test_the_log_is_followed_with_its_filters(cli: Path, served: Emulator, tmp_path: Path) -> None:
    client = client_of(served)
    with running(cli, tmp_path, served, "logs", "tail", "--filter-status-code-type", "4XX") as lines:
        client.v1.customers.create({})
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.customers.retrieve("cus_nobody")
        line = line_with(lines, "/v1/customers")

    assert "[404]" in line
    assert "GET /v1/customers/cus_nobody" in line


def test_a_socket_that_no_session_names_is_refused(served: Emulator) -> None:
    request = Request(f"{served.store.base_url}/stripecli/socket", headers={"Websocket-Id": "cliws_nobody"})
    with pytest.raises(HTTPError) as refused:
        urlopen(request)

    assert refused.value.code == 401
    assert b"Unknown WebSocket ID." in refused.value.read()


def test_whoever_sends_no_frames_is_let_go_of(served: Emulator) -> None:
    answer = stripe.StripeClient(KEY, base_addresses={"api": served.store.base_url}).raw_request(
        "post", "/v1/stripecli/sessions", websocket_features=["webhooks"], device_name="a laptop"
    )
    websocket_id = answer.data["websocket_id"]
    host, _, port = served.store.base_url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE) as connection:
        connection.sendall(
            f"GET /stripecli/socket HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            f"Websocket-Id: {websocket_id}\r\n\r\n".encode()
        )
        greeting = connection.recv(1000)
        connection.sendall(b"\x81\x02hi")  # not masked, as a client's frames must be

        assert b"101 Switching Protocols" in greeting
        assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in greeting  # RFC 6455's own example
        assert connection.recv(1000) == b""
