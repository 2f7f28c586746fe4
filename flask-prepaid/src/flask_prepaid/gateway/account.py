"""The Stripe account itself: its webhook endpoints, its balance and what moved it, and its clock."""

from __future__ import annotations

from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from .calls import Topic, ask, created, walk
from .values import Endpoint, StripeMovement, balance_of, endpoint_of, movement_of
from .version import API_VERSION


class Account(Topic):
    def mirror_endpoint(self, url: str, types: list[str]) -> str | None:
        """Send events of these types to ``url``; the secret, if the endpoint is new.

        One that Stripe has switched off, after days of failures, is switched on again.
        """
        sdk = self._v1.webhook_endpoints
        known = next((endpoint.id for endpoint in self.endpoints() if endpoint.url == url), None)
        if known is not None:
            changes: Any = {"enabled_events": types, "disabled": False}
            ask(lambda: sdk.update(known, changes))
            return None
        params: Any = {"enabled_events": types, "url": url, "api_version": API_VERSION}
        return ask(lambda: sdk.create(params)).secret

    def endpoints(self, *, may_refuse: bool = False) -> list[Endpoint]:
        """Where Stripe sends this account's events.

        :param may_refuse: A key that may not see them is an answer.
        """
        listed = walk(self._v1.webhook_endpoints.list, {}, may_refuse=may_refuse)
        return [endpoint_of(endpoint) for endpoint in listed]

    def fetch_balance(self) -> dict[str, int]:
        """What the account holds in each currency, available or not yet, in its smallest unit."""
        return balance_of(ask(self._v1.balance.retrieve))

    def movements_page(
        self, since: datetime | None, *, after: str | None
    ) -> tuple[list[StripeMovement], bool]:
        """A page of balance transactions, newest first, after the one named; whether there are more."""
        params: Any = {**created(since), "limit": 100, "expand": ["data.source"]}
        if after is not None:
            params["starting_after"] = after
        page = ask(lambda: self._v1.balance_transactions.list(params))
        return [movement_of(moved) for moved in page.data], page.has_more

    def fetch_time(self) -> datetime | None:
        """Stripe's own time, by the Date header of its answer if there is one. Proves the key, too."""
        answer = ask(lambda: self._v1.customers.list({"limit": 1}), may_refuse=True).last_response
        date = answer.headers.get("date") if answer else None
        return parsedate_to_datetime(date) if date else None
