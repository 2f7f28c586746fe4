"""How often one customer's pages may have Stripe asked: its limit is one for all customers of an account.

https://docs.stripe.com/rate-limits
"""

from __future__ import annotations

import time
from collections import Counter
from threading import Lock

from ..errors import TooManyAttempts

WINDOW_S = 60


class AskLimit:
    """Counts by this process alone, so that each process has the limit for itself.

    :param max_asks: How often within a minute for each owner; 0 is no limit.
    """

    def __init__(self, max_asks: int) -> None:
        self._max = max_asks
        self._lock = Lock()
        self._window = 0
        self._counts: Counter[str] = Counter()

    def require(self, owner: str) -> None:
        """Refuse a page that can't do without Stripe.

        :raises TooManyAttempts: This owner's pages have had it asked very often.
        """
        if not self.may(owner):
            raise TooManyAttempts("This was asked for very often. Try again in a minute.", retry_after_s=60)

    def may(self, owner: str) -> bool:
        """Whether Stripe may be asked once more for a page of this owner's; it counts."""
        if not self._max:
            return True
        with self._lock:
            window = int(time.monotonic() // WINDOW_S)
            if window != self._window:
                self._window = window
                self._counts.clear()
            self._counts[owner] += 1
            return self._counts[owner] <= self._max
