"""The log of requests: each call to the API with what it asked, what it got, and what it caused."""

from __future__ import annotations

import json

from flask import request
from flask.typing import ResponseReturnValue

from stripe_emulator.api import request_log
from stripe_emulator.core.database import transactions
from stripe_emulator.core.types import Json
from stripe_emulator.pages.common.account import storage
from stripe_emulator.pages.dashboard.frame import deliveries_seen
from stripe_emulator.pages.dashboard.frame.frame import PAGE, blueprint, latest, missing, number, older, page

pages = blueprint("requests")


@pages.get("/logs")
def list_all() -> ResponseReturnValue:
    """Requests, newest first, of one outcome, method or path, or all."""
    filters = {name: request.args.get(name, "").strip() for name in ("outcome", "verb", "path")}
    with storage().transaction(write=False):
        rows = request_log.latest(**filters, before=number("before"), limit=PAGE + 1)
        counts = request_log.counts()
    before = rows[PAGE - 1]["seq"] if len(rows) > PAGE else None
    return page(
        "requests",
        requests=rows[:PAGE],
        counts=counts,
        outcomes=tuple(request_log.OUTCOMES),
        chosen=filters,
        older=older("/logs", before, **filters),
    )


@pages.get("/logs/<request_id>")
def show(request_id: str) -> ResponseReturnValue:
    """One request, its answer, and the events that it made."""
    with storage().transaction(write=False):
        logged = request_log.named(request_id)
        caused, _ = latest("event", where={"parent": request_id})
        events = deliveries_seen.with_states(caused[::-1])
        first = _first_with_key(logged) if logged else None
    if logged is None:
        return missing(request_id)
    return page("request", logged=logged, answer=_answer(logged), events=events, first=first)


def _first_with_key(logged: Json) -> str | None:
    """The request whose answer this one got again."""
    if not logged["replayed"]:
        return None
    row = (
        transactions.current()
        .execute(
            "SELECT id FROM request WHERE key = ? AND seq < ? AND NOT replayed ORDER BY seq DESC LIMIT 1",
            (logged["key"], logged["seq"]),
        )
        .fetchone()
    )
    return None if row is None else str(row[0])


def _answer(logged: Json) -> Json | str:
    """The answer as an object; one that was too long to keep is the text that there is."""
    try:
        answer: Json = json.loads(logged["answer"])
    except ValueError:
        return str(logged["answer"])
    return answer
