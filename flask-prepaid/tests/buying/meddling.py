"""The way to Stripe, on which something else happens there just before, or just after, a call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import stripe


class Meddling(stripe.HTTPClient):
    """Does what stands in ``before`` and ``after`` once, at the first call whose URL ends so."""

    name = "meddling"

    def __init__(self, way: Any) -> None:
        super().__init__()
        self.way = way
        self.before: dict[str, Callable[[], object]] = {}
        self.after: dict[str, Callable[[], object]] = {}

    def request(self, method: str, url: str, headers: Any, post_data: Any = None, **more: Any) -> Any:
        do_once(self.before, url)
        answer = self.way.request(method, url, headers, post_data, **more)
        do_once(self.after, url)
        return answer

    def close(self) -> None:
        self.way.close()


def do_once(what: dict[str, Callable[[], object]], url: str) -> None:
    for words in [words for words in what if url.endswith(words)]:
        what.pop(words)()
