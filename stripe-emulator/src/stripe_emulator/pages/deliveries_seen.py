"""Deliveries and their replies as the dashboard shows them."""

from __future__ import annotations

from stripe_emulator.core import store
from stripe_emulator.core.types import Json
from stripe_emulator.events import events

_COLUMNS = (
    "SELECT delivery.seq, event, endpoint, delivery.status, attempts, due_at, attempt.status, reply, at,"
    " (SELECT type FROM object WHERE kind = 'event' AND id = event)"
    " FROM delivery LEFT JOIN attempt ON attempt.seq ="
    " (SELECT max(seq) FROM attempt WHERE delivery = delivery.seq)"
)


def some(which: str, *, before: int | None = None, limit: int) -> list[Json]:
    """The latest ones, newest first; ``which`` is "pending" or "done"."""
    condition = "=" if which == "pending" else "<>"
    rows = (
        store.current()
        .execute(
            f"{_COLUMNS} WHERE delivery.status {condition} 'pending' AND (? IS NULL OR delivery.seq < ?)"
            " ORDER BY delivery.seq DESC LIMIT ?",
            (before, before, limit),
        )
        .fetchall()
    )
    return [_row(row) for row in rows]


def of_event(event_id: str) -> list[Json]:
    """The deliveries of one event, each with all its attempts under ``tried``."""
    execute = store.current().execute
    rows = execute(f"{_COLUMNS} WHERE event = ? ORDER BY delivery.seq DESC LIMIT 50", (event_id,)).fetchall()
    sql = "SELECT at, status, reply FROM attempt WHERE delivery = ? ORDER BY seq"
    return [
        _row(row)
        | {
            "tried": [
                dict(zip(("at", "status", "reply"), attempt, strict=True))
                for attempt in execute(sql, (row[0],))
            ]
        }
        for row in rows
    ]


def _row(row: tuple[object, ...]) -> Json:
    names = ("seq", "event", "endpoint", "status", "attempts", "due_at", "code", "text", "last_at", "type")
    delivery: Json = dict(zip(names, row, strict=True))
    delivery["reply"] = "" if delivery["last_at"] is None else str(delivery["code"] or "no answer")
    return delivery | {"url": _urls().get(delivery["endpoint"])}


def _urls() -> dict[str, str]:
    return {endpoint["id"]: events.url_of(endpoint) for endpoint in events.endpoints(also_disabled=True)}
