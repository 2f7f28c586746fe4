"""Stripe's emulator by its own controls: how made-up customers pay, and how time passes."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener

import click
from flask import Flask

#: How long it may take to start, and to hand out the events of a day.
STARTS_WITHIN_S = 30
DELIVERS_WITHIN_S = 10


def opener() -> Callable[..., Any]:
    """Opens a URL of the emulator, which is on this machine, whatever proxy is set."""
    return build_opener(ProxyHandler({})).open


@dataclass
class Emulator:
    """The emulator at ``url``; ``key`` opens the API of Stripe that it serves."""

    url: str
    key: str
    open: Callable[..., Any] = field(default_factory=opener)

    def control(self, name: str, /, **fields: Any) -> dict[str, Any] | None:
        """Use one of its controls. ``None`` means that it refused, such as a card that is declined."""
        body = json.dumps(fields).encode()
        request = Request(f"{self.url}/_emulator/{name}", body, {"Content-Type": "application/json"})
        try:
            with self.open(request, timeout=120) as answer:
                return cast("dict[str, Any]", json.load(answer))
        except HTTPError as refused:
            refused.close()
            return None

    def state(self) -> dict[str, Any]:
        with self.open(f"{self.url}/_emulator/state", timeout=10) as answer:
            return cast("dict[str, Any]", json.load(answer))

    def call(self, path: str, **fields: object) -> dict[str, Any]:
        """Call Stripe's API, as an operator does by Stripe's dashboard. Without fields it is a GET."""
        headers = {"Authorization": f"Bearer {self.key}"}
        request = Request(f"{self.url}/v1/{path}", urlencode(fields).encode() or None, headers)
        with self.open(request, timeout=30) as answer:
            return cast("dict[str, Any]", json.load(answer))

    def due_until(self, end: float) -> Iterator[int]:
        """When something falls due up to ``end``, one moment after the other: the next is looked up then."""
        before = 0
        while (next_due := self.state()["due"]["next"]) is not None and before < next_due <= end:
            before = math.ceil(next_due)
            yield before

    def await_deliveries(self) -> None:
        """Wait until the shop has heard of everything, for some seconds at most."""
        deadline = time.monotonic() + DELIVERS_WITHIN_S
        while self.state()["pending_deliveries"] and time.monotonic() < deadline:
            time.sleep(0.02)

    def await_answer(self, url: str | None = None) -> None:
        """Wait until the emulator answers, or the server at ``url``.

        :raises ClickException: It does not answer in time.
        """
        deadline = time.monotonic() + STARTS_WITHIN_S
        url = url or f"{self.url}/_emulator/state"
        while not self._answers(url):
            if time.monotonic() > deadline:
                raise click.ClickException(f"{url} does not answer.")
            time.sleep(0.05)

    def _answers(self, url: str) -> bool:
        try:
            with self.open(url, timeout=2):
                return True
        except (URLError, OSError):
            return False


def emulator_of(app: Flask) -> Emulator:
    """The one that the app talks to as to Stripe."""
    return Emulator(app.config["PREPAID_STRIPE_API_BASE"], app.config["PREPAID_STRIPE_SECRET_KEY"])
