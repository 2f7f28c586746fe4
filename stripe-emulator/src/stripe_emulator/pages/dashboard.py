"""The dashboard: what is in the account, what happened, what was delivered, and what time it is.

Only plain forms and links. What its buttons do is in ``dashboard_forms.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, redirect, render_template, request
from flask.typing import ResponseReturnValue

from stripe_emulator import controls
from stripe_emulator.api.expand import render
from stripe_emulator.core import chaos, store
from stripe_emulator.core import clock as core_clock
from stripe_emulator.core.conditions import conditions
from stripe_emulator.core.types import Json
from stripe_emulator.events import events, failing_endpoints
from stripe_emulator.pages import deliveries_seen, quick_start
from stripe_emulator.pages.account import storage

pages = Blueprint("dashboard", __name__, template_folder="templates")

RECENT, PAGE = 8, 50

#: What a form that was done says on the page that follows; the address carries the word alone.
NOTICES = {
    "advanced": "The clock has moved, and everything that fell due on the way has happened.",
    "chaos": "From now on, Stripe is having a bad day.",
    "calm": "The chaos is over.",
    "resent": "The event is on its way again.",
    "hurried": "Everything that waited is tried now.",
    "added": "The endpoint hears of everything from now on.",
    "changed": "The endpoint has been changed.",
    "removed": "The endpoint is gone.",
}

#: Setting -> label and hint, by what it troubles.
CHAOS_EVENTS = (
    ("duplicate", "Deliver twice", "Share of events, from 0 to 1."),
    ("drop", "Never deliver", "Share of events, from 0 to 1."),
    ("delay", "Deliver late", "Up to so many seconds."),
)
CHAOS_CALLS = (
    ("api_500", "Answer 500", "Share of calls; half of them after the work was done."),
    ("api_429", "Answer 429", "Share of calls that are asked to slow down."),
    ("lost_reply", "Lose the reply", "Share of calls whose work is done and whose caller never hears."),
    ("timeout", "Never answer", "Share of calls that nothing comes of, until the caller gives up."),
    ("slow", "Answer late", "Up to so many seconds, 60 at most."),
)


@pages.after_request
def guard(response: Response) -> Response:
    """Nobody frames the dashboard, and its forms lead nowhere else."""
    if response.mimetype == "text/html":
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["Content-Security-Policy"] = (
            "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self'; form-action 'self';"
            " base-uri 'none'; frame-ancestors 'none'"
        )
    return response


@pages.get("/")
def home() -> ResponseReturnValue:
    """Counts, the latest payments and events."""
    with storage().transaction(write=False) as transaction:
        taken = transaction.execute(
            "SELECT json_extract(body, '$.currency'), sum(json_extract(body, '$.amount_captured'))"
            " FROM object WHERE kind = 'charge' AND json_extract(body, '$.paid')"
            " GROUP BY 1 ORDER BY 2 DESC LIMIT 3"
        ).fetchall()
        payments, _ = latest("payment_intent", limit=RECENT)
        recent, _ = latest("event", limit=RECENT)
    return page("home", base_url=storage().base_url, taken=taken, payments=payments, events=recent)


@pages.get("/objects")
def kinds() -> ResponseReturnValue:
    """How many there are of each kind."""
    counts = controls.state(storage())["objects"]
    return page("kinds", kinds=[(kind, count) for kind, count in counts.items() if kind != "event"])


@pages.get("/objects/<kind>")
def objects(kind: str) -> ResponseReturnValue:
    """Objects of one kind, newest first."""
    with storage().transaction(write=False):
        rows, before = latest(kind, before=_number("before"))
    return page("objects", kind=kind, rows=rows, before=before)


@pages.get("/objects/<kind>/<object_id>")
def show(kind: str, object_id: str) -> ResponseReturnValue:
    """One object as the API shows it, its own pages, and its events."""
    if kind == "event":
        return redirect(f"/events/{object_id}", 303)
    with storage().transaction(write=False):
        value = store.find(kind, object_id)
        shown = render(value) if value else {}
        about, _ = latest("event", where={"data.object.id": object_id})
    if value is None:
        return missing(object_id)
    return page("object", kind=kind, found=shown, events=about, links=_links(value))


@pages.get("/find")
def find() -> ResponseReturnValue:
    """Go to whatever has this id."""
    wanted = request.args.get("q", "").strip()
    with storage().transaction(write=False):
        value = store.find_any(wanted)
    if value is None:
        return missing(wanted)
    return redirect(f"/objects/{value['object']}/{value['id']}", 303)


@pages.get("/events")
def list_events() -> ResponseReturnValue:
    """Events, newest first, of one type or of all."""
    chosen = request.args.get("type", "")
    with storage().transaction(write=False) as transaction:
        types = transaction.execute(
            "SELECT type, count(*) FROM object WHERE kind = 'event' GROUP BY type ORDER BY type"
        ).fetchall()
        rows, before = latest("event", where={"type": chosen} if chosen else None, before=_number("before"))
    return page("events", events=rows, types=types, chosen=chosen, before=before)


@pages.get("/events/<event_id>")
def show_event(event_id: str) -> ResponseReturnValue:
    """One event as it is sent, and who answered what."""
    with storage().transaction(write=False):
        event = store.find("event", event_id)
        shown = render(event) if event else {}
        sent = deliveries_seen.of_event(event_id)
    return page("event", event=shown, deliveries=sent) if event else missing(event_id)


@pages.get("/deliveries")
def deliveries() -> ResponseReturnValue:
    """What waits to be delivered, and what became of the rest."""
    with storage().transaction(write=False):
        pending = deliveries_seen.some("pending", limit=PAGE)
        done = deliveries_seen.some("done", before=_number("before"), limit=PAGE)
    before = done[-1]["seq"] if len(done) == PAGE else None
    return page("deliveries", pending=pending, done=done, before=before)


@pages.get("/webhooks")
def webhooks() -> ResponseReturnValue:
    """Who listens, and a form for one more."""
    return webhooks_page({})


@pages.get("/clock")
def clock() -> ResponseReturnValue:
    """What time it is, buttons to move it, and what falls due next."""
    return clock_page({})


@pages.get("/chaos")
def chaos_switches() -> ResponseReturnValue:
    """What goes wrong on purpose."""
    with storage().transaction(write=False):
        values = store.get_setting(chaos.SETTING, {})
    return chaos_page(values)


@pages.get("/start")
def start() -> ResponseReturnValue:
    """How to point a program here, and the cards to pay with."""
    return page("start", snippets=quick_start.snippets(storage().base_url), cards=quick_start.cards_to_try())


def webhooks_page(typed: Mapping[str, Any], error: str = "") -> str:
    """The endpoints, and the form as it was typed if something is wrong with it."""
    with storage().transaction(write=False):
        endpoints = [
            {
                **endpoint,
                "secret": endpoint["_secret"],
                "url": events.url_of(endpoint),
                "failing": failing_endpoints.warning(endpoint),
            }
            for endpoint in events.endpoints(also_disabled=True)
        ]
    return page("webhooks", endpoints=endpoints, typed=typed, error=error)


def clock_page(typed: Mapping[str, Any], error: str = "") -> str:
    """The clock, and the form as it was typed if something is wrong with it."""
    with storage().transaction(write=False) as transaction:
        coming = transaction.execute(
            "SELECT what, object, at FROM due WHERE clock IS NULL ORDER BY at, seq LIMIT 12"
        ).fetchall()
        ahead = store.get_setting("offset", 0)
        clocks = store.select("test_helpers.test_clock")
        failed = core_clock.failed_work()[::-1]
    return page(
        "clock", coming=coming, failed=failed, ahead=span(ahead), clocks=clocks, typed=typed, error=error
    )


def chaos_page(values: Mapping[str, Any], wrong: str = "", error: str = "") -> str:
    """The switches; ``wrong`` names the one that can't be set so."""
    shown = {"seed": 0, **{key: 0 for key, *_ in (*CHAOS_EVENTS, *CHAOS_CALLS)}, **values}
    return page("chaos", events=CHAOS_EVENTS, calls=CHAOS_CALLS, values=shown, wrong=wrong, error=error)


def page(name: str, **values: Any) -> str:
    """A page of the dashboard, with what its frame shows."""
    notice = NOTICES.get(request.args.get("done", ""))
    return render_template(f"dashboard/{name}.html", **{"state": frame(), "notice": notice} | values)


def frame() -> Json:
    """The clock, the number of pending deliveries and the chaos, for the frame of each page."""
    return controls.state(storage())


def missing(wanted: str) -> ResponseReturnValue:
    """404, as a page."""
    return page("missing", wanted=wanted), 404


def latest(
    kind: str, *, where: Json | None = None, before: int | None = None, limit: int = PAGE
) -> tuple[list[Json], int | None]:
    """Objects, newest first, and where the next page goes on, or None.

    :param before: Rows that were written before this one.
    """
    condition, values = conditions(where or {})
    rows = (
        store.current()
        .execute(
            f"SELECT seq, id, body FROM object WHERE kind = ? AND (? IS NULL OR seq < ?){condition}"
            " ORDER BY seq DESC LIMIT ?",
            (kind, before, before, *values, limit + 1),
        )
        .fetchall()
    )
    objects = [store.current().load(kind, row[1:]) for row in rows[:limit]]
    return objects, rows[limit - 1][0] if len(rows) > limit else None


def span(seconds: int) -> str:
    """A stretch of time in its largest unit: "12 days"; nothing below a minute."""
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            count = seconds // size
            return f"{count:,} {unit}{'s' if count > 1 else ''}"
    return ""


def _links(value: Json) -> list[tuple[str, str]]:
    """The pages that customers see of an object."""
    names = (
        ("url", "Open its page"),
        ("hosted_invoice_url", "Open the invoice"),
        ("receipt_url", "Open the receipt"),
    )
    links = [(label, value[key]) for key, label in names if isinstance(value.get(key), str)]
    return [(label, url) for label, url in links if url.startswith(storage().base_url)]


def _number(name: str) -> int | None:
    text = request.args.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None
