"""The clock of credits: the machine's, or the emulator's where it stands in for Stripe."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Lock

from flask import Flask, request

from ..columns import utc_now
from .emulator import opener

#: How long an answer of the emulator is relied on.
CACHED_FOR_S = 0.5
ANSWERS_WITHIN_S = 1.0


def clock_of(app: Flask) -> Callable[[], datetime]:
    """The clock by which credits come and go. Where money is real, it is the machine's."""
    base = app.config["PREPAID_STRIPE_API_BASE"]
    if not (app.config["TEST_MODE"] and base):
        return utc_now
    clock = EmulatorClock(base)
    app.before_request(clock.ask_anew_for_events)
    return clock


class EmulatorClock:
    """The machine's time and as much as the emulator's clock was advanced.

    Where the emulator does not answer, its last answer goes on.
    """

    def __init__(self, base_url: str) -> None:
        self._url = f"{base_url}/_emulator/state"
        self._open = opener()
        self._ahead = timedelta()
        self._until_s = 0.0
        self._asking = Lock()

    def __call__(self) -> datetime:
        with self._asking:
            if time.monotonic() >= self._until_s:
                self._ahead = self._ask()
                self._until_s = time.monotonic() + CACHED_FOR_S
        return utc_now() + self._ahead

    def ask_anew_for_events(self) -> None:
        """Forget the last answer where an event comes: what happened may have moved the clock by months."""
        if request.endpoint == "prepaid.webhook":
            self.ask_anew()

    def ask_anew(self) -> None:
        """Forget the last answer: the emulator's clock was just advanced."""
        with self._asking:
            self._until_s = 0.0

    def _ask(self) -> timedelta:
        try:
            with self._open(self._url, timeout=ANSWERS_WITHIN_S) as answer:
                state = json.load(answer)
            return timedelta(seconds=state["now"] - state["wall"])
        except (OSError, ValueError, KeyError, TypeError):
            return self._ahead
