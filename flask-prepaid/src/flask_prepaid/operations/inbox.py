"""The inbox of Stripe's events: each is kept once, handled once, and can be run again."""

from __future__ import annotations

import logging

from sqlalchemy import select, update

from prepaid_ledger import clock
from prepaid_ledger.database import insert

from ..context import Context, Write, nothing, reading, transaction
from ..gateway.values import Event
from .models import InboxEvent
from .stripe_events import HEARD

log = logging.getLogger(__name__)

#: The type of an event that is none of Stripe's: ``doctor`` knocks with it, to see whether it is let in.
VISIT = "prepaid.visit"


def keep(context: Context, event: Event) -> None:
    """Put an event into the inbox, once. Commits."""
    row = {
        "id": event.id,
        "type": event.type,
        "object_id": event.object_id,
        "api_version": event.api_version,
        "livemode": event.livemode,
        "created_at": event.created_at,
        "received_at": clock.wall(),
    }
    with transaction(context) as session:
        session.execute(insert(session, InboxEvent).values(row).on_conflict_do_nothing())


def handle(context: Context, event: Event) -> bool:
    """Do what the event asks for, unless it was done; whether Stripe may forget it.

    What it does and ``handled_at`` are one transaction. A failure is kept with its
    reason, for an operator and for ``replay``.
    """
    with reading(context) as session:
        is_done = session.get_one(InboxEvent, event.id).handled_at is not None
    if is_done:
        return True
    try:
        write, outcome = _fetch(context, event)
        with transaction(context):
            write()
            _note(context, event.id, outcome=outcome, handled_at=clock.wall())
    except Exception as error:
        log.exception("event %s (%s) failed", event.id, event.type)
        context.session.rollback()
        with transaction(context):
            _note(context, event.id, outcome=f"{type(error).__name__}: {error}"[:255])
        return False
    return True


def listen_once(context: Context, seen: set[str]) -> list[str]:
    """Fetch the events that Stripe made lately and handle those that did not come here; their types."""
    handled = []
    for event in reversed(context.gateway.events.latest()):
        if event.id in seen:
            continue
        keep(context, event)
        if handle(context, event):
            seen.add(event.id)
        handled.append(event.type)
    return handled


def unhandled(context: Context) -> list[str]:
    """The events that came and were not handled, oldest first."""
    waiting = select(InboxEvent.id).where(InboxEvent.handled_at.is_(None)).order_by(InboxEvent.received_at)
    return list(context.session.scalars(waiting))


def replay(context: Context, event_id: str) -> bool:
    """Run an event of the inbox once more; whether it is handled now."""
    with transaction(context) as session:
        row = session.get(InboxEvent, event_id)
        if row is None:
            return False
        row.handled_at = None
        livemode = context.config.livemode if row.livemode is None else row.livemode
        event = Event(row.id, row.type, row.object_id, livemode, row.api_version, row.created_at)
    return handle(context, event)


def _fetch(context: Context, event: Event) -> tuple[Write[object], str]:
    """What is to be written, and in a few words what comes of the event."""
    if event.livemode is not context.config.livemode:
        return nothing, "ignored: it is of the other mode, test or live"
    handler = HEARD.get(event.type)
    if handler is None or event.object_id is None:
        return nothing, "ignored: nothing here hears this type"
    return handler(context, event.object_id), "done"


def _note(context: Context, event_id: str, **values: object) -> None:
    attempts = InboxEvent.attempts + 1
    context.session.execute(
        update(InboxEvent).where(InboxEvent.id == event_id).values(attempts=attempts, **values)
    )
