"""The dashboard: what is in the account, what happened, what was delivered."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue

from stripe_emulator import controls, store
from stripe_emulator.errors import NotFound
from stripe_emulator.pages.account import keeper
from stripe_emulator.store import Json
from stripe_emulator.wire import public

pages = Blueprint("dashboard", __name__, template_folder="templates")

RECENT = 50


@pages.get("/")
def home() -> ResponseReturnValue:
    """Counts, the clock, the latest events and deliveries."""
    state = controls.state(keeper())
    with keeper().transaction(write=False):
        return render_template("dashboard.html", state=state, events=_events(), deliveries=_deliveries())


@pages.get("/objects/<kind>")
def objects(kind: str) -> ResponseReturnValue:
    """The latest objects of one kind."""
    with keeper().transaction(write=False) as transaction:
        rows = transaction.execute(
            "SELECT id, created, deleted FROM object WHERE kind = ? ORDER BY created DESC, seq DESC LIMIT ?",
            (kind, RECENT),
        ).fetchall()
        return render_template("objects.html", kind=kind, rows=rows)


@pages.get("/objects/<kind>/<object_id>")
def show(kind: str, object_id: str) -> ResponseReturnValue:
    """One object as the API shows it."""
    with keeper().transaction(write=False):
        found = store.find(kind, object_id)
        if found is None:
            raise NotFound(f"No such {kind}: '{object_id}'", code="resource_missing", param="id")
        text = json.dumps(public(found), indent=2, ensure_ascii=False)
        deliveries = _deliveries(object_id) if kind == "event" else []
        return render_template("object.html", found=found, text=text, deliveries=deliveries)


@pages.post("/clock")
def move_clock() -> ResponseReturnValue:
    """The buttons beside the clock: so many seconds on."""
    seconds = request.form.get("seconds", "0")
    controls.advance(keeper(), seconds=int(seconds) if seconds.isascii() and seconds.isdigit() else 0)
    return redirect("/", 303)


@pages.post("/resend/<event_id>")
def resend(event_id: str) -> ResponseReturnValue:
    """Hand an event out again."""
    controls.send_again(keeper(), event_id)
    return redirect(f"/objects/event/{event_id}", 303)


def moment(value: int) -> str:
    """A Unix time as people read it, UTC."""
    return f"{datetime.fromtimestamp(value, UTC):%Y-%m-%d %H:%M:%S}"


def _events() -> list[Json]:
    rows = (
        store.current()
        .execute(
            "SELECT id, json_extract(body, '$.type'), created, json_extract(body, '$.data.object.id')"
            " FROM object WHERE kind = 'event' ORDER BY created DESC, seq DESC LIMIT ?",
            (RECENT,),
        )
        .fetchall()
    )
    return [dict(zip(("id", "type", "created", "about"), row, strict=True)) for row in rows]


def _deliveries(event_id: str | None = None) -> list[Json]:
    rows = (
        store.current()
        .execute(
            "SELECT event, endpoint, delivery.status, attempts, due_at, attempt.status, reply, at FROM delivery"
            " LEFT JOIN attempt ON attempt.seq = (SELECT max(seq) FROM attempt WHERE delivery = delivery.seq)"
            " WHERE event = coalesce(?, event) ORDER BY delivery.seq DESC LIMIT ?",
            (event_id, RECENT),
        )
        .fetchall()
    )
    names = ("event", "endpoint", "status", "attempts", "due_at", "code", "reply", "at")
    return [dict(zip(names, row, strict=True)) for row in rows]
