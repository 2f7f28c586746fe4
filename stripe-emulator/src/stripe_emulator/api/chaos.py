"""Stripe on a bad day, the same bad day each time.

Every decision is a hash of the seed and of what is decided on, so a test that failed once
fails again. Settings lie in the store and count for every process that shares it.
"""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from dataclasses import dataclass
from typing import Any

from stripe_emulator.core.database import transactions
from stripe_emulator.core.database.settings import get_setting, put_setting
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.types import Json

#: Name -> what it may be. Shares are between 0 and 1, of requests or of deliveries.
SHARES = ("duplicate", "drop", "api_500", "api_429", "lost_reply", "timeout")
#: Name -> the longest that it may be, in seconds.
SECONDS = {"delay": 3600, "slow": 60}
SETTING = "chaos"


@dataclass(frozen=True)
class Fate:
    """What becomes of one delivery: seconds that it waits, its place in the queue, or nothing at all."""

    delay: float = 0
    rank: float = 0
    dropped: bool = False


@dataclass(frozen=True)
class Trouble:
    """What becomes of one request."""

    #: 429, nothing done.
    limited: bool = False
    #: 500, nothing done.
    fails_before: bool = False
    #: 500, but the work is done, and the 500 is what a repeat with the same key gets.
    fails_after: bool = False
    #: The work is done, and the caller never hears of it: the connection is closed.
    lost_reply: bool = False
    #: Nothing is done, and the caller waits for an answer until its own patience ends.
    times_out: bool = False
    #: Seconds that a good answer takes longer.
    slow: float = 0


NO_TROUBLE = Trouble()


class Attempts:
    """How often each request has come, so that a retry can fare better than the first try."""

    def __init__(self) -> None:
        self._seen: Counter[tuple[str, str, str]] = Counter()
        self._lock = threading.Lock()

    def count(self, verb: str, path: str, key: str) -> int:
        with self._lock:
            self._seen[verb, path, key] += 1
            return self._seen[verb, path, key]


def configure(settings: Json) -> Json:
    """Take the settings that ``POST /_emulator/chaos`` names; none of them ends the chaos.

    :raises InvalidRequest: An unknown name, or a value out of range.
    """
    for name, value in settings.items():
        if name in SHARES:
            good = _is_number(value) and 0 <= value <= 1
        elif name in SECONDS:
            good = _is_number(value) and 0 <= value <= SECONDS[name]
        elif name == "shuffle":
            good = isinstance(value, bool)
        else:
            good = name == "seed" and isinstance(value, int | str)
        if not good:
            raise InvalidRequest(f"Chaos cannot be set to {name}={value!r}.", param=name)
    put_setting(SETTING, settings)
    return settings


def fates(event_id: str, endpoint_id: str) -> list[Fate]:
    """One delivery, or none or several, for an event that is about to be sent."""
    settings: Json = get_setting(SETTING, {})
    if not settings:
        return [Fate()]
    # The event's number, not its random id: a second run draws the same.
    number = transactions.current().execute("SELECT count(*) FROM delivery").fetchone()[0]

    def draw(what: str) -> float:
        return _draw(settings, what, number)

    dropped = draw("drop") < settings.get("drop", 0)
    copies = 2 if draw("duplicate") < settings.get("duplicate", 0) and not dropped else 1
    return [
        Fate(
            delay=draw(f"delay{copy}") * settings.get("delay", 0),
            rank=draw(f"shuffle{copy}") if settings.get("shuffle") else 0,
            dropped=dropped,
        )
        for copy in range(copies)
    ]


def trouble(settings: Json, verb: str, path: str, key: str, attempt: int) -> Trouble:
    """What becomes of a request; ``key`` is its idempotency key, or empty."""

    def happens(name: str) -> bool:
        share: float = settings.get(name, 0)
        return _draw(settings, name, verb, path, key, attempt) < share

    fails = happens("api_500")
    after = fails and _draw(settings, "after", verb, path, key, attempt) < 0.5
    return Trouble(
        limited=happens("api_429"),
        fails_before=fails and not after,
        fails_after=after,
        lost_reply=happens("lost_reply"),
        times_out=happens("timeout"),
        slow=_draw(settings, "slow", verb, path, key, attempt) * settings.get("slow", 0),
    )


def _draw(settings: Json, *what: Any) -> float:
    """A number in [0, 1) that depends on the seed and on ``what``, and on nothing else."""
    text = "\n".join(str(part) for part in (settings.get("seed", 0), *what))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) / 2**64


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
