"""An ``Idempotency-Key`` makes a POST happen once.

The first answer is kept with the work that it answers, in one transaction, for 24 hours of
Stripe's clock; a repeat gets it again. Which keys are in use at this moment is known to this
process alone, and forgotten with it. https://docs.stripe.com/api/idempotent_requests
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from stripe_emulator.core.database.schema import ANSWER, Row
from stripe_emulator.core.database.transactions import current, remember
from stripe_emulator.core.errors import IdempotencyError, KeyInUse
from stripe_emulator.core.time import clock
from stripe_emulator.core.wire import Form

KEPT = clock.DAY
#: Seconds between looks at which answers are too old to be kept.
SWEEP = 3600


@dataclass(frozen=True)
class Answer:
    """The answer to a key, given again to a repeat. ``request_id`` is the first request's."""

    status: int
    body: str
    request_id: str


class KeysInUse:
    """The keys whose first request has not been answered yet."""

    def __init__(self) -> None:
        self._keys: set[str] = set()
        self._lock = threading.Lock()

    @contextmanager
    def mark(self, key: str | None) -> Iterator[None]:
        """:raises KeyInUse: Another request with this key is running."""
        if key is None:
            yield
            return
        with self._lock:
            if key in self._keys:
                raise KeyInUse(
                    f"There is currently another in-progress request using this Stripe-Idempotency-Key:"
                    f" {key}. Please try again later.",
                    code="idempotency_key_in_use",
                )
            self._keys.add(key)
        try:
            yield
        finally:
            with self._lock:
                self._keys.discard(key)


def fingerprint_of(verb: str, path: str, form: Form) -> str:
    """What two requests must share to count as the same: also if their parameters come in another order."""
    return hashlib.sha256(_sorted([verb, path, form]).encode()).hexdigest()


_sorted = json.JSONEncoder(sort_keys=True, default=repr).encode


def recall(key: str, fingerprint: str) -> Answer | None:
    """The answer that this key got.

    :raises IdempotencyError: It was another request that got it.
    """
    row = _find(key)
    if row is None or row[-1] <= clock.account_now() - KEPT:
        return None
    if row[0] != fingerprint:
        raise IdempotencyError(
            "Keys for idempotent requests can only be used with the same parameters they were first used"
            f" with. Try using a key other than '{key}' if you meant to execute a different request."
        )
    _, status, body, request_id, _ = row
    return Answer(status, body, request_id)


def keep(key: str, fingerprint: str, answer: Answer) -> None:
    """Remember an answer; now and then, what is older than a day is forgotten on the way."""
    transaction, now = current(), clock.account_now()
    if transaction.store.remembered.get("answers swept", 0) <= now - SWEEP:
        transaction.execute("DELETE FROM answer WHERE created <= ?", (now - KEPT,))
        transaction.store.remembered["answers swept"] = now
    columns = fingerprint, answer.status, answer.body, answer.request_id, now
    transaction.encoded[ANSWER, key] = (ANSWER, key, *columns)  # it is written as objects are


def _find(key: str) -> Row | None:
    """The columns of an answer after its key; None if there is none."""
    transaction = current()
    if (waiting := transaction.store.unwritten.get((ANSWER, key))) is not None:
        return waiting[2:]
    if not remember(ANSWER, lambda: transaction.execute("SELECT 1 FROM answer LIMIT 1").fetchone()):
        return None
    sql = "SELECT fingerprint, status, body, request, created FROM answer WHERE key = ?"
    row: Row | None = transaction.execute(sql, (key,)).fetchone()
    return row
