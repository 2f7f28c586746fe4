"""The Stripe account itself: its prices and webhook endpoints, its balance, and its clock."""

from __future__ import annotations

from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from .client import API_VERSION, Gateway, ask, walk
from .values import Endpoint, Event, balance_of, endpoint_of, event_of, id_of


def mirror_price(gateway: Gateway, key: str, name: str, amount_minor: int, currency: str) -> bool:
    """Let the price with this lookup key be this one; whether it had to be made."""
    prices = gateway.client.v1.prices
    found = ask(lambda: prices.list({"lookup_keys": [key], "limit": 1})).data
    if found and (found[0].unit_amount, found[0].currency) == (amount_minor, currency):
        return False
    params: Any = {
        "lookup_key": key,
        "transfer_lookup_key": True,
        "unit_amount": amount_minor,
        "currency": currency,
        **({"product": id_of(found[0].product)} if found else {"product_data": {"name": name}}),
    }
    ask(lambda: prices.create(params))
    return True


def mirror_endpoint(gateway: Gateway, url: str, types: list[str]) -> str | None:
    """Send events of these types to ``url``; the secret, if the endpoint is new.

    One that Stripe has switched off, after days of failures, is switched on again.
    """
    sdk = gateway.client.v1.webhook_endpoints
    there = next((one.id for one in endpoints(gateway) if one.url == url), None)
    if there is not None:
        wanted: Any = {"enabled_events": types, "disabled": False}
        ask(lambda: sdk.update(there, wanted))
        return None
    new: Any = {"enabled_events": types, "url": url, "api_version": API_VERSION}
    return ask(lambda: sdk.create(new)).secret


def endpoints(gateway: Gateway) -> list[Endpoint]:
    """Where Stripe sends this account's events."""
    return [endpoint_of(one) for one in walk(gateway.client.v1.webhook_endpoints.list, {})]


def recent_events(gateway: Gateway) -> list[Event]:
    """The latest hundred events, newest first."""
    page = ask(lambda: gateway.client.v1.events.list({"limit": 100}))
    return [event_of(event.to_dict()) for event in page.data]


def fetch_balance(gateway: Gateway) -> dict[str, int]:
    """What the account holds in each currency, available or not yet, in its smallest unit."""
    return balance_of(ask(lambda: gateway.client.v1.balance.retrieve()))


def fetch_time(gateway: Gateway) -> datetime | None:
    """Stripe's own time, by the Date header of its answer if there is one. Proves the key, too."""
    answer = ask(lambda: gateway.client.v1.customers.list({"limit": 1})).last_response
    said = answer.headers.get("date") if answer else None
    return parsedate_to_datetime(said) if said else None
