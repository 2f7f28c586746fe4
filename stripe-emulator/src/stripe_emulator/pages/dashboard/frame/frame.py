"""What every page of the dashboard shares: its frame, its guards, its pages of rows.

A form counts only when it comes from the dashboard itself: a page elsewhere must not be able to move
somebody's clock.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, Response, redirect, render_template, request
from flask.typing import ResponseReturnValue

from stripe_emulator import controls
from stripe_emulator.api import request_log
from stripe_emulator.core.database import transactions
from stripe_emulator.core.database.conditions import conditions
from stripe_emulator.core.types import Json
from stripe_emulator.pages.common import account, hosts
from stripe_emulator.pages.common.account import storage

RECENT, PAGE = 8, 50

#: What a form that was done says on the page that follows; the address carries the word alone.
NOTICES = {
    "advanced": "The clock has moved, and everything that fell due on the way has happened.",
    "nothing-due": "Nothing is due, so the clock stays where it is.",
    "chaos": "From now on, Stripe is having a bad day.",
    "calm": "The chaos is over.",
    "resent": "The event is on its way again.",
    "hurried": "Everything that waited is tried now.",
    "retried": "The delivery is tried again.",
    "added": "The endpoint hears of everything from now on.",
    "changed": "The endpoint has been changed.",
    "removed": "The endpoint is gone.",
    "reset": "Everything is gone but the endpoints given at the start.",
    "saved": "The state is kept.",
    "loaded": "Everything is as it was when this state was saved.",
    "forgotten": "The state is gone.",
    "named": "The account has a new name.",
    "switched": "From here on, you see this account.",
    "done": "Done. What happened stands in the timeline.",
}


def blueprint(name: str) -> Blueprint:
    """A blueprint of the dashboard, guarded."""
    made = Blueprint(f"dashboard_{name}", __name__)
    made.before_request(hosts.refuse_strange)
    made.before_request(_only_from_here)
    made.before_request(_write_log)
    made.after_request(_guard)
    return made


def _write_log() -> None:
    """Pages show what was asked until now."""
    request_log.write(storage())


def page(name: str, **values: Any) -> str:
    """A page of the dashboard, with what its frame shows."""
    notice = NOTICES.get(request.args.get("done", ""))
    shown = {
        "state": controls.state(storage()),
        "notice": notice,
        "still": storage().still is not None,
        "account": account.shown_in_frame(),
    }
    return render_template(f"dashboard/{name}.html", **shown | values)


def missing(wanted: str) -> ResponseReturnValue:
    """404, as a page."""
    return page("missing", wanted=wanted), 404


def done(path: str, word: str) -> ResponseReturnValue:
    """On to a page that says so."""
    return redirect(f"{path}?{urlencode({'done': word})}", 303)


def latest(
    kind: str, *, where: Json | None = None, before: int | None = None, limit: int = PAGE
) -> tuple[list[Json], int | None]:
    """Objects, newest first, and where the next page goes on, or None.

    :param before: Rows that were written before this one.
    """
    condition, values = conditions(where or {})
    rows = (
        transactions.current()
        .execute(
            f"SELECT seq, id, body FROM object WHERE kind = ? AND (? IS NULL OR seq < ?){condition}"
            " ORDER BY seq DESC LIMIT ?",
            (kind, before, before, *values, limit + 1),
        )
        .fetchall()
    )
    objects = [transactions.current().load(kind, row[1:]) for row in rows[:limit]]
    return objects, rows[limit - 1][0] if len(rows) > limit else None


def number(name: str) -> int | None:
    """A whole number in the address, or None."""
    text = request.args.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def older(here: str, before: int | None, **filters: str) -> str:
    """The address of the next page, with the filters that were chosen; empty if there is none."""
    if before is None:
        return ""
    return f"{here}?{urlencode({'before': before, **{key: text for key, text in filters.items() if text}})}"


def _only_from_here() -> ResponseReturnValue | None:
    """Refuse a form of another site; a browser names the page's origin in each POST."""
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return None
    if urlsplit(request.headers.get("Origin", "")).netloc == request.host:
        return None
    return Response("This form was not sent from the dashboard. Open the dashboard and try again.\n", 403)


def _guard(response: Response) -> Response:
    """Nobody frames the dashboard, its forms lead nowhere else, and its scripts are files of its own."""
    if response.mimetype == "text/html":
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["Content-Security-Policy"] = (
            "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self'; script-src 'self';"
            " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
    return response
