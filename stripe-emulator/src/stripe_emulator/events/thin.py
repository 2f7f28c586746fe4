"""Thin events: what happened and to which object. Whoever hears of it fetches the rest.

Stripe announces most changes twice, as a snapshot (``checkout.session.completed``) and as a thin
event (``v1.checkout.session.completed``) that names its twin in ``snapshot_event``. Only the
snapshot is kept here; the thin one is drawn from it, under an id that follows from the other's.

https://docs.stripe.com/event-destinations#thin-events
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from stripe_emulator import contract
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest, NotFound, no_such
from stripe_emulator.core.types import Json

#: How the id of a snapshot begins, and that of its thin twin.
SNAPSHOT, THIN = "evt_1", "evt_test_1"


def has_twin(kind: str) -> bool:
    """Whether a thin event is sent beside the snapshot event ``kind``."""
    return f"v1.{kind}" in contract.thin_types()


def twin_of(event: Json) -> Json:
    """The thin event beside a snapshot event."""
    about, kind = event["data"]["object"], f"v1.{event['type']}"
    request = event["request"]
    thin: Json = contract.blank("v2.core.event") | {
        "id": event["id"].replace(SNAPSHOT, THIN, 1),
        "created": stamp(event["created"]),
        "livemode": False,
        "reason": {
            "type": "request",
            "request": {"id": request["id"], "idempotency_key": request["idempotency_key"] or ""},
        }
        if request["id"]
        else None,
        "snapshot_event": event["id"],
        "type": kind,
    }
    path = contract.path_of(about["object"])
    if path is not None and contract.names_an_object(kind):
        thin["related_object"] = {"type": about["object"], "url": path.format_map(about)}
        if "id" in about:
            thin["related_object"]["id"] = about["id"]
    return thin


def get(event_id: str) -> Json:
    """A thin event by its id.

    :raises NotFound: 404.
    """
    snapshot = store.find("event", snapshot_id(event_id)) if event_id.startswith(THIN) else None
    if snapshot is None or not has_twin(snapshot["type"]):
        raise NotFound(no_such("event", event_id), code="not_found")
    return twin_of(snapshot)


def snapshot_id(thin_id: str) -> str:
    """The id of a thin event's twin."""
    return thin_id.replace(THIN, SNAPSHOT, 1)


def stamp(moment: int) -> str:
    """A time as version 2 of the API writes it: ``2026-10-28T09:30:00.000Z``."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def moment(stamp: Any, param: str) -> int:
    """The Unix time of such a text.

    :raises InvalidRequest: It is none.
    """
    try:
        read = datetime.fromisoformat(str(stamp))
        return int(read.replace(tzinfo=read.tzinfo or UTC).timestamp())
    except (ValueError, OverflowError):
        raise InvalidRequest(f"Invalid timestamp: {stamp!r}"[:200], param=param) from None
