"""Deliveries, their tries and their answers as the dashboard shows them."""

from __future__ import annotations

import json
from collections.abc import Sequence

from stripe_emulator.core.database import transactions
from stripe_emulator.core.types import Json
from stripe_emulator.events import listeners
from stripe_emulator.pages.common import describe
from stripe_emulator.pages.dashboard.frame.rows import customer_of, names_of, title

_NAMES = (
    "seq",
    "event",
    "endpoint",
    "status",
    "attempts",
    "due_at",
    "code",
    "text",
    "last_at",
    "milliseconds",
)
_COLUMNS = (
    "SELECT delivery.seq, event, endpoint, delivery.status, attempts, due_at, attempt.status, reply, at,"
    " milliseconds, (SELECT type FROM object WHERE kind = 'event' AND id = event)"
    " FROM delivery LEFT JOIN attempt ON attempt.seq ="
    " (SELECT max(seq) FROM attempt WHERE delivery = delivery.seq)"
    " LEFT JOIN attempt_sent ON attempt_sent.attempt = attempt.seq"
)

#: The states of an event's deliveries, the one that wants attention first, and what a page says.
_STATES = (
    ("failed", "failed"),
    ("gone", "failed"),
    ("dropped", "dropped"),
    ("pending", "waiting"),
    ("delivered", "delivered"),
)


def some(state: str = "", *, before: int | None = None, limit: int) -> list[Json]:
    """The latest ones of a state, or of all, newest first."""
    rows = (
        transactions.current()
        .execute(
            f"{_COLUMNS} WHERE (? = '' OR delivery.status = ?) AND (? IS NULL OR delivery.seq < ?)"
            " ORDER BY delivery.seq DESC LIMIT ?",
            (state, state, before, before, limit),
        )
        .fetchall()
    )
    return [_row(row) for row in rows]


def of_event(event_id: str) -> list[Json]:
    """The deliveries of one event, each with all its tries."""
    rows = (
        transactions.current()
        .execute(f"{_COLUMNS} WHERE event = ? ORDER BY delivery.seq DESC LIMIT 50", (event_id,))
        .fetchall()
    )
    return [_row(row) | {"tried": _tries(row[0])} for row in rows]


def named(seq: int) -> Json | None:
    """One delivery with all its tries, or None."""
    row = transactions.current().execute(f"{_COLUMNS} WHERE delivery.seq = ?", (seq,)).fetchone()
    return None if row is None else _row(row) | {"tried": _tries(seq)}


def with_states(shown_events: Sequence[Json], *, known: str = "") -> list[Json]:
    """Events, each with the state of its deliveries under ``delivery``, empty where nobody listened.

    What it is about stands under ``about``: whose it is, and a sum, a name, or the end of an id.

    :param known: The customer on whose page they stand, and who is not named there again.
    """
    customers = [customer_of(event["data"]["object"]) for event in shown_events]
    owners = names_of(customer for customer in customers if customer not in ("", known))
    marks = ", ".join("?" * len(shown_events))
    states: dict[str, set[str]] = {}
    for event, status in transactions.current().execute(
        f"SELECT DISTINCT event, status FROM delivery WHERE event IN ({marks})",
        tuple(event["id"] for event in shown_events),
    ):
        states.setdefault(event, set()).add(status)
    return [
        event
        | {
            "about": ", ".join(filter(None, (owners.get(customer), _about(event["data"]["object"])))),
            "delivery": next((word for name, word in _STATES if name in states.get(event["id"], ())), ""),
        }
        for event, customer in zip(shown_events, customers, strict=True)
    ]


def _about(value: Json) -> str:
    return describe.amount(value) or title(value) or describe.short(value.get("id", ""))


def _tries(seq: int) -> list[Json]:
    """What was sent, oldest first: headers and body, and the answer."""
    rows = transactions.current().execute(
        "SELECT at, status, reply, headers, body, milliseconds FROM attempt"
        " LEFT JOIN attempt_sent ON attempt_sent.attempt = attempt.seq WHERE delivery = ?"
        " ORDER BY attempt.seq",
        (seq,),
    )
    names = ("at", "status", "reply", "headers", "body", "milliseconds")
    tries = [dict(zip(names, row, strict=True)) for row in rows]
    for attempt in tries:
        attempt["headers"] = json.loads(attempt["headers"] or "{}")
        attempt["body"] = json.loads(attempt["body"] or "null")
    return tries


def _row(row: tuple[object, ...]) -> Json:
    delivery: Json = dict(zip((*_NAMES, "type"), row, strict=True))
    delivery["reply"] = "" if delivery["last_at"] is None else str(delivery["code"] or "no answer")
    return delivery | {"url": _urls().get(delivery["endpoint"])}


def _urls() -> dict[str, str]:
    return {
        endpoint["id"]: listeners.url_of(endpoint) for endpoint in listeners.endpoints(also_disabled=True)
    }
