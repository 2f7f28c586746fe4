"""A change becomes an event: stored, and handed out to every endpoint that wants its type.

``emit`` only writes, in the transaction of the change; ``deliveries.py`` sends later.
Emit in causal order: ``/v1/events`` and the endpoints see that order, unless chaos shuffles.
"""

from __future__ import annotations

from stripe_emulator import chaos, clock, ids, store
from stripe_emulator.store import Json
from stripe_emulator.version import API_VERSION
from stripe_emulator.wire import public

#: Endpoints that were given to the emulator itself, and are not objects of the API.
LISTENERS = "listeners"


def emit(kind: str, value: Json, *, previous: Json | None = None) -> Json:
    """Record that something happened to an object, as it is now.

    :param previous: ``previous_attributes`` of an ``*.updated`` event.
    """
    origin = store.current().origin
    data: Json = {"object": public(value)}
    if previous is not None:
        data["previous_attributes"] = previous
    listening = wanting(kind)
    event: Json = {
        "id": ids.new("event"),
        "object": "event",
        "api_version": API_VERSION,
        "created": clock.account_now(),
        "data": data,
        "livemode": False,
        "pending_webhooks": len(listening),
        "request": {"id": origin.request_id, "idempotency_key": origin.idempotency_key},
        "type": kind,
    }
    store.append(event)
    for endpoint in listening:
        hand_over(event["id"], endpoint)
    return event


def hand_over(event_id: str, endpoint_id: str) -> None:
    """Have an event sent to an endpoint; what chaos makes of that is decided here."""
    store.current().wakes = True
    for fate in chaos.fates(event_id, endpoint_id):
        store.current().execute(
            "INSERT INTO delivery (event, endpoint, due_at, rank, status) VALUES (?, ?, ?, ?, ?)",
            (
                event_id,
                endpoint_id,
                clock.account_now() + fate.delay,
                fate.rank,
                "dropped" if fate.dropped else "pending",
            ),
        )


def wanting(kind: str) -> list[str]:
    """Ids of the endpoints that listen to events of this kind."""
    return [one["id"] for one in endpoints() if {"*", kind} & set(one["enabled_events"])]


def endpoints() -> list[Json]:
    """Everyone who listens: those given to the emulator, then those of the API that are enabled."""
    memo = store.current().memo
    if "endpoints" not in memo:
        listeners: dict[str, Json] = store.get_setting(LISTENERS, {})
        registered = store.select("webhook_endpoint", {"status": "enabled"})
        memo["endpoints"] = [*listeners.values(), *registered]
    found: list[Json] = memo["endpoints"]
    return found


def listen(endpoint_id: str, url: str, secret: str) -> None:
    """Send every event to a URL, as ``--webhook`` asks; the same id again replaces it."""
    listeners = store.get_setting(LISTENERS, {})
    listeners[endpoint_id] = {"id": endpoint_id, "url": url, "secret": secret, "enabled_events": ["*"]}
    store.put_setting(LISTENERS, listeners)
    store.current().memo.pop("endpoints", None)
