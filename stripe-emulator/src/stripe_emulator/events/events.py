"""A change becomes an event: stored, and handed out to every endpoint that wants its type.

``emit`` only writes, in the transaction of the change; ``deliveries.py`` sends later.
Emit in causal order: ``/v1/events`` and the endpoints see that order, unless chaos shuffles.
"""

from __future__ import annotations

from stripe_emulator.api import chaos
from stripe_emulator.core import ids
from stripe_emulator.core.database import store, transactions
from stripe_emulator.core.time import clock
from stripe_emulator.core.types import Json
from stripe_emulator.core.version import API_VERSION
from stripe_emulator.core.wire import public
from stripe_emulator.events import listeners, shapes


def emit(kind: str, value: Json, *, previous: Json | None = None) -> Json:
    """Record that something happened to an object, as it is now.

    :param previous: ``previous_attributes`` of an ``*.updated`` event.
    """
    origin = transactions.current().origin
    data: Json = {"object": public(value)}
    if previous is not None:
        data["previous_attributes"] = previous
    listening = listeners.wanting(kind)
    others = {shapes.version_of(endpoint) for endpoint in listening if not listeners.is_thin(endpoint)} - {
        API_VERSION
    }
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
    if others:
        event[shapes.SHAPES] = {version: shapes.at(data, version) for version in others}
    store.append(event)
    for endpoint in listening:
        hand_over(event["id"], endpoint["id"])
    return event


def hand_over(event_id: str, endpoint_id: str) -> None:
    """Have an event sent to an endpoint; what chaos makes of that is decided here."""
    transactions.current().wakes = True
    for fate in chaos.fates(event_id, endpoint_id):
        transactions.current().execute(
            "INSERT INTO delivery (event, endpoint, due_at, rank, status) VALUES (?, ?, ?, ?, ?)",
            (
                event_id,
                endpoint_id,
                clock.account_now() + fate.delay,
                fate.rank,
                "dropped" if fate.dropped else "pending",
            ),
        )
