"""Events: what happened, and who was told."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue

from stripe_emulator import controls
from stripe_emulator.api.expand import render
from stripe_emulator.core.database import store, transactions
from stripe_emulator.core.database.conditions import Among
from stripe_emulator.core.errors import NotFound
from stripe_emulator.core.types import Json
from stripe_emulator.pages.common.account import storage
from stripe_emulator.pages.dashboard.frame import deliveries_seen
from stripe_emulator.pages.dashboard.frame.frame import blueprint, done, latest, missing, number, older, page

pages = blueprint("events")

#: State of the deliveries -> the events that it picks out.
_DELIVERED = {
    "delivered": Among("SELECT event FROM delivery WHERE status = 'delivered'"),
    "waiting": Among("SELECT event FROM delivery WHERE status = 'pending'"),
    "not delivered": Among("SELECT event FROM delivery WHERE status IN ('failed', 'dropped', 'gone')"),
    "nobody listened": Among("SELECT event FROM delivery", inside=False),
}


@pages.get("/events")
def list_all() -> ResponseReturnValue:
    """Events, newest first, of one type or of all, by what became of their deliveries."""
    chosen, state = request.args.get("type", ""), request.args.get("delivery", "")
    where: Json = {"type": chosen} if chosen else {}
    if state in _DELIVERED:
        where["id"] = _DELIVERED[state]
    with storage().transaction(write=False) as transaction:
        types = transaction.execute(
            "SELECT type, count(*) FROM object WHERE kind = 'event' GROUP BY type ORDER BY type"
        ).fetchall()
        rows, before = latest("event", where=where, before=number("before"))
        events = deliveries_seen.with_states(rows)
        counts = {name: _count(among) for name, among in _DELIVERED.items()}
    return page(
        "events",
        events=events,
        types=types,
        chosen=chosen,
        delivery=state,
        counts=counts,
        older=older("/events", before, type=chosen, delivery=state),
    )


@pages.get("/events/<event_id>")
def show(event_id: str) -> ResponseReturnValue:
    """One event as it is sent, and who answered what."""
    with storage().transaction(write=False):
        event = store.find("event", event_id)
        shown = render(event) if event else {}
        sent = deliveries_seen.of_event(event_id)
    return page("event", event=shown, deliveries=sent) if event else missing(event_id)


@pages.post("/events/<event_id>/resend")
def resend(event_id: str) -> ResponseReturnValue:
    """Hand an event out again to everyone who listens to its type."""
    try:
        controls.send_again(storage(), event_id)
    except NotFound:
        return missing(event_id)
    return done(f"/events/{event_id}", "resent")


def _count(among: Among) -> int:
    inside = "IN" if among.inside else "NOT IN"
    (count,) = (
        transactions.current()
        .execute(f"SELECT count(*) FROM object WHERE kind = 'event' AND id {inside} ({among.query})")
        .fetchone()
    )
    return int(count)
