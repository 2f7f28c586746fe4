"""The counters of ``memory://``, without a thread that sweeps them a hundred times a second.

The library ``limits`` registers each subclass of its storages by ``STORAGE_SCHEME`` when the class is
defined, and offers no other way: whoever counts by ``memory://`` imports this file first.
"""

from __future__ import annotations

import time

from limits.storage import MemoryStorage

SWEPT_EVERY_S = 30


class SweptMemoryStorage(MemoryStorage):
    """Takes the place of the library's own storage, under its name.

    The library starts a thread each 10 ms, which looks at every counter: with 100,000 customers
    in a minute it does nothing else. Here a counter that is over is forgotten when it is read,
    and every 30 s a call that counts sweeps the others.
    """

    STORAGE_SCHEME = ["memory"]

    def __init__(self, uri: str | None = None, wrap_exceptions: bool = False, **options: str) -> None:
        super().__init__(uri, wrap_exceptions=wrap_exceptions, **options)
        self._sweep_at = time.time() + SWEPT_EVERY_S

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Count ``amount`` more; a new counter lasts ``expiry`` seconds."""
        self._sweep()
        self.get(key)  # forgets what is over
        with self.locks[key]:
            self.storage[key] += amount
            count = self.storage[key]
            if count == amount:
                self.expirations[key] = time.time() + expiry
        return count

    def decr(self, key: str, amount: int = 1) -> int:
        """Take ``amount`` back."""
        with self.locks[key]:
            self.storage[key] = max(self.get(key) - amount, 0)
        return self.storage.get(key, 0)

    def _sweep(self) -> None:
        now = time.time()
        if now < self._sweep_at:
            return
        self._sweep_at = now + SWEPT_EVERY_S
        for key, over_at in list(self.expirations.items()):
            if over_at <= now:
                self.clear(key)
