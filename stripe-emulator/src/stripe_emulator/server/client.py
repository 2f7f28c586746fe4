"""Stripe's HTTP client with no socket: the SDK talks to an emulator in its own process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import stripe

from stripe_emulator.api.request import Api, Call
from stripe_emulator.server.accounts import Accounts


class LocalHTTPClient(stripe.HTTPClient):
    """Hand the SDK's requests straight to the API, whatever host they name.

    ``StripeClient("sk_test_emulator", http_client=emulator.http_client(), max_network_retries=2)``
    """

    name = "stripe-emulator"

    def __init__(self, api: Api | Accounts[Any]) -> None:
        super().__init__()
        self._api = api

    def request(
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None, **_: Any
    ) -> tuple[str, int, Mapping[str, str]]:
        """:raises stripe.APIConnectionError: Chaos lost the reply, or the request; the SDK may try again."""
        parts = urlsplit(url)
        body = post_data.encode() if isinstance(post_data, str) else post_data or b""
        lower = {name.lower(): value for name, value in (headers or {}).items()}
        reply = self._api.answer(Call(method.upper(), parts.path, parts.query, lower, body))
        if reply.lost or reply.times_out:
            what = "Request timed out" if reply.times_out else "The reply was lost"
            raise stripe.APIConnectionError(  # type: ignore[no-untyped-call]
                f"{what} (the emulator's chaos).", should_retry=True
            )
        return reply.body, reply.status, {name.lower(): value for name, value in reply.headers.items()}

    def _sleep_time_seconds(self, num_retries: int) -> float:
        return 0  # a test that exercises the SDK's retries should not wait for them

    def close(self) -> None:
        """Nothing is held open."""
