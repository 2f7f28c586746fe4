"""What the dashboard's buttons do: each form is checked, done, and answered by a redirect.

A form counts only when it comes from the dashboard itself: a page elsewhere must not be able
to move somebody's clock.
"""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlsplit

from flask import Blueprint, Response, redirect, request
from flask.typing import ResponseReturnValue

from stripe_emulator import controls
from stripe_emulator.core import chaos, clock, store
from stripe_emulator.core.errors import InvalidRequest, NotFound
from stripe_emulator.core.types import Json
from stripe_emulator.events import objects, webhook_endpoints
from stripe_emulator.pages import dashboard
from stripe_emulator.pages.account import storage

pages = Blueprint("dashboard_forms", __name__, template_folder="templates")
pages.after_request(dashboard.guard)

#: Chaos settings that are numbers on the form.
_NUMBERS = tuple(key for key, *_ in (*dashboard.CHAOS_EVENTS, *dashboard.CHAOS_CALLS))


@pages.before_request
def only_from_here() -> ResponseReturnValue | None:
    """Refuse a form of another site; a browser names the page's origin in each POST."""
    if urlsplit(request.headers.get("Origin", "")).netloc == request.host:
        return None
    return Response("This form was not sent from the dashboard. Open the dashboard and try again.\n", 403)


@pages.post("/clock")
def move_clock() -> ResponseReturnValue:
    """By a button's step, or to a moment."""
    form = request.form
    with storage().transaction(write=False):
        now = clock.now()
    steps = {
        "hour": now + 3600,
        "day": now + clock.DAY,
        "month": clock.add_months(now, 1),
        "year": clock.add_months(now, 12),
    }
    to = steps.get(form.get("by", "")) or _moment(form.get("to", ""))
    if to is None:
        return dashboard.clock_page({}, "Say to when, as a date and a time."), 422
    try:
        controls.advance(storage(), to=to)
    except InvalidRequest:
        return dashboard.clock_page(form, "The clock goes forward only, and not past the year 2200."), 422
    return _done("/clock", "advanced")


@pages.post("/chaos")
def set_chaos() -> ResponseReturnValue:
    """Begin, change, or end the chaos."""
    form = request.form
    if form.get("do") == "end":
        controls.set_chaos(storage(), {})
        return _done("/chaos", "calm")
    settings: Json = {}
    for key in _NUMBERS:
        try:
            value = float(form.get(key) or 0)
        except ValueError:
            return _chaos_again(key)
        if value:
            settings[key] = value
    if "shuffle" in form:
        settings["shuffle"] = True
    if settings:
        settings["seed"] = form.get("seed", "0").strip()[:40]
    try:
        controls.set_chaos(storage(), settings)
    except InvalidRequest as refused:
        return _chaos_again(refused.param or "")
    return _done("/chaos", "chaos" if settings else "calm")


@pages.post("/events/<event_id>/resend")
def resend(event_id: str) -> ResponseReturnValue:
    """Hand an event out again to everyone who listens to its type."""
    try:
        controls.send_again(storage(), event_id)
    except NotFound:
        return dashboard.missing(event_id)
    return _done(f"/events/{event_id}", "resent")


@pages.post("/deliveries/now")
def hurry() -> ResponseReturnValue:
    """Try all that waits without waiting on."""
    with storage().transaction() as transaction:
        transaction.execute("UPDATE delivery SET due_at = ? WHERE status = 'pending'", (clock.now(),))
        transaction.wakes = True
    return _done("/deliveries", "hurried")


@pages.post("/webhooks")
def add_endpoint() -> ResponseReturnValue:
    """One more who listens."""
    form = request.form
    types = [part.strip() for part in form.get("enabled_events", "").split(",") if part.strip()]
    try:
        with storage().transaction():
            webhook_endpoints.new(form.get("url", "").strip(), types or ["*"])
    except InvalidRequest:
        return dashboard.webhooks_page(form, "Enter a whole URL, such as http://127.0.0.1:5000/webhook."), 422
    return _done("/webhooks", "added")


@pages.post("/webhooks/<endpoint_id>")
def change_endpoint(endpoint_id: str) -> ResponseReturnValue:
    """Disable it, enable it, or take it away."""
    wish = request.form.get("do")
    try:
        with storage().transaction():
            endpoint = store.get("webhook_endpoint", endpoint_id)
            if wish == "remove":
                objects.delete(endpoint)
            else:
                objects.change(endpoint, **webhook_endpoints.switched(on=wish != "disable"))
    except NotFound:
        return dashboard.missing(endpoint_id)
    return _done("/webhooks", "removed" if wish == "remove" else "changed")


def _chaos_again(key: str) -> ResponseReturnValue:
    labels = {name: label for name, label, _ in (*dashboard.CHAOS_EVENTS, *dashboard.CHAOS_CALLS)}
    maximum = f"{chaos.SECONDS[key]} seconds" if key in chaos.SECONDS else "1"
    complaint = f"“{labels.get(key, key)}” must be a number from 0 to {maximum}."
    return dashboard.chaos_page(request.form.to_dict(), key, complaint), 422


def _moment(text: str) -> int | None:
    """A ``datetime-local`` field as Unix time, UTC; None if it is none."""
    try:
        return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())
    except ValueError:
        return None


def _done(path: str, word: str) -> ResponseReturnValue:
    return redirect(f"{path}?done={word}", 303)
