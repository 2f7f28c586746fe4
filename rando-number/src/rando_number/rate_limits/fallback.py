"""Counters on a server such as Redis; while that is away, this process counts for itself.

Limits go on then, looser by the number of processes, and nobody is refused for it. It is logged once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Lock
from time import monotonic
from typing import Any, TypeVar, cast

from limits.errors import StorageError
from limits.storage import SlidingWindowCounterSupport, Storage, storage_from_string

from .storage import SweptMemoryStorage

log = logging.getLogger(__name__)

Result = TypeVar("Result")

#: For how many seconds a server that was away is left alone.
RETRY_AFTER_S = 5.0

#: How many seconds an answer of Redis may take.
ANSWER_S = 0.5

#: What stands before the server's own URL.
PREFIX = "fallback+"

#: What is counted at, by the schemes of ``limits``.
SERVERS = ("redis", "rediss", "redis+unix", "valkey", "valkeys", "valkey+unix", "memcached")


def with_fallback(uri: str) -> str:
    """The URI of a storage that counts here while the one at ``uri`` is away; ``memory://`` needs none."""
    return f"{PREFIX}{uri}" if uri.partition(":")[0] in SERVERS else uri


def patience(uri: str) -> dict[str, Any]:
    """The options by which a server of Redis' kind is waited for briefly, and asked once."""
    scheme = uri.partition(":")[0]
    options: dict[str, Any] = {"socket_timeout": ANSWER_S, "socket_connect_timeout": ANSWER_S}
    if scheme.startswith("redis"):
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        return {**options, "retry": Retry(NoBackoff(), 0)}  # by itself it tries for seconds
    return options if scheme.startswith("valkey") else {}


class Countable(Storage, SlidingWindowCounterSupport):
    """A storage by which a sliding window can be counted."""

    STORAGE_SCHEME: list[str] | None = None


class FallbackStorage(Countable):
    """Counts at a server, and here while that does not answer.

    The library makes it by its scheme; it is registered when this file is imported.
    """

    STORAGE_SCHEME = [f"{PREFIX}{scheme}" for scheme in SERVERS]

    def __init__(self, uri: str, wrap_exceptions: bool = False, **options: float | str | bool) -> None:
        super().__init__(uri, wrap_exceptions=wrap_exceptions)
        there = uri.removeprefix(PREFIX)
        server = storage_from_string(there, wrap_exceptions=True, **{**patience(there), **options})
        self._server = cast("Countable", server)
        self._here = cast("Countable", SweptMemoryStorage())
        self._lock = Lock()
        self._away_until: float | None = None

    @property
    def base_exceptions(self) -> type[Exception]:
        return StorageError

    @property
    def is_away(self) -> bool:
        """Whether this process counts for itself."""
        return self._away_until is not None

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        return self._count(lambda storage: storage.incr(key, expiry, amount))

    def get(self, key: str) -> int:
        return self._count(lambda storage: storage.get(key))

    def get_expiry(self, key: str) -> float:
        return self._count(lambda storage: storage.get_expiry(key))

    def check(self) -> bool:
        """Whether the server answers now."""
        answers = self._server.check()
        self._note(answers)
        return answers

    def reset(self) -> int | None:
        return self._count(lambda storage: storage.reset())

    def clear(self, key: str) -> None:
        self._count(lambda storage: storage.clear(key))

    def acquire_sliding_window_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        return self._count(lambda storage: storage.acquire_sliding_window_entry(key, limit, expiry, amount))

    def get_sliding_window(self, key: str, expiry: int) -> tuple[int, float, int, float]:
        return self._count(lambda storage: storage.get_sliding_window(key, expiry))

    def clear_sliding_window(self, key: str, expiry: int) -> None:
        self._count(lambda storage: storage.clear_sliding_window(key, expiry))

    def _count(self, how: Callable[[Countable], Result]) -> Result:
        if self._away_until is None or monotonic() >= self._away_until:
            try:
                counted = how(self._server)
            except StorageError as error:
                self._note(False, error)
            else:
                self._note(True)
                return counted
        return how(self._here)

    def _note(self, answers: bool, error: StorageError | None = None) -> None:
        """Keep whether the server answers; a change is logged."""
        with self._lock:
            was_away, self._away_until = self.is_away, None if answers else monotonic() + RETRY_AFTER_S
        if was_away and answers:
            log.warning("The counters of limits are back.")
        elif not was_away and not answers:
            log.warning(
                "The counters of limits do not answer (%s). Each process counts for itself until they do.",
                error.storage_error if error else "asked for its health",
            )
