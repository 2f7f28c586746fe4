"""Stripe's own command line triggers events on the emulator, as it does on Stripe.

``stripe trigger EVENT`` is a script of real requests, of an account whose API
version is older. Each event is then found in ``/v1/events``, and delivered
with a signature that the SDK accepts. Among the tests a seeded sample is triggered; ``EVERY_CASE=1``, as
``./dev campaign every_case`` has it, triggers them all.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
import stripe
from werkzeug.serving import make_server

from stripe_emulator.core.time import due_work
from stripe_emulator.events import listeners
from stripe_emulator.server.emulator import Emulator

from .receiver import Receiver

HERE = Path(__file__).parent
EVENTS = (HERE.parent / "data" / "trigger-events.txt").read_text().split()
TRIGGERED = EVENTS if os.environ.get("EVERY_CASE") == "1" else sorted(random.Random(1).sample(EVENTS, 30))
#: The CLI's own names for what such an event says of a subscription's invoice.
ALSO_CALLED = {
    "subscription.payment_failed": "invoice.payment_failed",
    "subscription.payment_succeeded": "invoice.payment_succeeded",
}
KEY = "sk_test_1234567890123"
SECRET = "whsec_of_the_cli_tests"


@pytest.fixture
def emulator(receiver: Receiver) -> Emulator:
    emulator = Emulator()
    with emulator.store.transaction():
        listeners.listen("listener", f"http://127.0.0.1:{receiver.server_port}/", SECRET)
    return emulator


@contextmanager
def served(app: Callable[..., Any]) -> Iterator[str]:
    """A WSGI app behind a real socket; its URL."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()


def trigger(cli: Path, event: str, api_base: str, home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [cli, "trigger", event, "--api-key", KEY, "--api-base", api_base, "--config", home / "cli.toml"],
        env={**os.environ, "HOME": str(home), "STRIPE_CLI_TELEMETRY_OPTOUT": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def ids_of(event: str, api_base: str) -> set[str]:
    """The events of that type that the API lists."""
    request = Request(f"{api_base}/v1/events?type={event}", headers={"Authorization": f"Bearer {KEY}"})
    with urlopen(request) as answer:
        return {each["id"] for each in json.load(answer).get("data", [])}


def verified(receiver: Receiver) -> set[str]:
    """The ids of the events that came.

    :raises stripe.SignatureVerificationError: One of them was not signed with the secret.
    """
    came = [receiver.came.get() for _ in range(receiver.came.qsize())]
    return {str(stripe.Webhook.construct_event(body, signed, SECRET).id) for body, signed in came}


def test_all_events_in_scope_are_here() -> None:
    assert len(EVENTS) == len(set(EVENTS)) == 95


@pytest.mark.parametrize("event", TRIGGERED)
def test_stripes_cli_triggers(
    event: str, cli: Path, emulator: Emulator, receiver: Receiver, tmp_path: Path
) -> None:
    with served(emulator.app) as api_base:
        triggered = trigger(cli, event, api_base, tmp_path)
        assert triggered.returncode == 0, triggered.stdout + triggered.stderr

        due_work.run_due(emulator.store)
        emulator.courier.deliver()

        event_ids = ids_of(ALSO_CALLED.get(event, event), api_base)
        assert event_ids
        assert event_ids <= verified(receiver)


def test_a_stub_that_answers_nothing_triggers_nothing(cli: Path, tmp_path: Path) -> None:
    """The CLI itself is content with any 2xx."""

    def stub(_: Any, start_response: Callable[..., Any]) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "application/json")])
        return [b"{}"]

    with served(stub) as api_base:
        assert trigger(cli, "customer.created", api_base, tmp_path).returncode == 0
        assert ids_of("customer.created", api_base) == set()
