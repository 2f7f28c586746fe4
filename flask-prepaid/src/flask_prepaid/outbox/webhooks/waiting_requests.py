"""Requests that wait for an owner's own server: to test an endpoint, or to look up its name.

Each takes one of the threads that answer everybody, and the server may take its time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from ...errors import TooManyCalls

#: How many requests of a process wait so at the same time, one of each owner.
AT_ONCE = 4

#: After how many seconds to try again.
RETRY_AFTER_S = 10


class WaitingRequests:
    """The owners whose requests wait in this process."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._owners: set[str] = set()

    @contextmanager
    def turn(self, owner: str) -> Iterator[None]:
        """Take one of the places for as long as the block lasts.

        :raises TooManyCalls: The owner has one, or all are taken.
        """
        with self._lock:
            if owner in self._owners or len(self._owners) >= AT_ONCE:
                raise TooManyCalls(
                    "Another server is still being waited for. Wait a moment, and send it again.",
                    retry_after_s=RETRY_AFTER_S,
                    headers={},
                )
            self._owners.add(owner)
        try:
            yield
        finally:
            with self._lock:
                self._owners.discard(owner)
