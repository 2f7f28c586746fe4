"""What every page of the operator's needs: who is at the desk, what they may do, and the record of it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC
from datetime import datetime as Moment
from typing import Any
from zoneinfo import ZoneInfo

from flask import Response, abort, current_app, redirect, request, url_for
from markupsafe import Markup

from prepaid_ledger import clock

from ... import signals
from ...errors import UnknownItem
from .. import buying, page
from .roles import Operator, Right

#: Longest reason that is kept, with room for who gave it.
LONGEST_REASON = 180

#: The most credits that one form may move.
MOST_CREDITS = 1_000_000_000


def operator(right: Right | None = None) -> Operator:
    """Who is at the desk. Nobody: to the host's login, or a page that does not exist.

    :param right: What they are about to do; one who may not is told so.
    """
    found = page.extension().desk.operator()
    if found is None:
        page.customer()  # to the login, if nobody is signed in at all
        abort(404)
    if right is not None and not found.may(right):
        abort(403)
    return found


def proven(right: Right, *, back: str) -> Operator:
    """Who is at the desk, having just shown who they are; else they do that first and come to ``back``."""
    found = operator(right)
    if found.prove is not None:
        abort(redirect(found.prove(back), 303))
    return found


def render(template: str, **context: Any) -> str:
    prepaid = page.extension()
    zone = ZoneInfo(prepaid.config.time_zone)

    def at(moment: Moment | None) -> str:
        """A moment by the shop's clock."""
        if moment is None:
            return "never"
        local = moment.astimezone(zone)
        return Markup('<time datetime="{}"><span>{},</span> <span>{:%H:%M}</span></time>').format(
            local.isoformat(timespec="seconds"), f"{local.day} {local:%b %Y}", local
        )

    return page.render(
        f"operator/{template}",
        operator=context.pop("operator", None) or operator(),
        at=at,
        age=lambda moment: age(moment, clock.wall()),
        zone=prepaid.config.time_zone,
        **context,
    )


def names(owners: Iterable[str]) -> dict[str, str]:
    """What to call each of ``owners``."""
    wanted = list(dict.fromkeys(owners))
    called: Mapping[str, str] = page.extension().desk.names(wanted) if wanted else {}
    return {owner: called.get(owner, owner) for owner in wanted}


def record(who: Operator, deed: Right, *, owner: str | None, reason: str, **detail: Any) -> None:
    """Tell the host what is about to be done, so that its record is committed with it."""
    signals.operator_acts.send(
        current_app._get_current_object(),  # type: ignore[attr-defined]
        operator=who.name,
        deed=deed.value,
        owner=owner,
        reason=reason,
        detail=detail,
    )


def reason() -> str:
    """Why, as written in the form.

    :raises UnknownItem: Nothing is written, or too much.
    """
    text = " ".join(request.form.get("reason", "").split())
    if not text or not text.isprintable() or len(text) > LONGEST_REASON:
        raise UnknownItem(f"Write why, in 1 to {LONGEST_REASON} characters.", field="reason")
    return text


def once() -> str:
    """The token of the form, by which it counts once however often it is sent.

    :raises UnknownItem: It is not there.
    """
    token = buying.attempt()
    if token is None:
        raise UnknownItem("This form has lost its token. Load the page again.", field="attempt")
    return token


def text_of(name: str, *, longest: int = 255) -> str:
    """A query parameter as typed, or nothing where it is no text that a table could hold."""
    text = request.args.get(name, "").strip()
    return text if text.isprintable() and len(text) <= longest else ""


def as_csv(name: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """A file to download. A cell that a spreadsheet would run gets a quote before it."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([inert(cell) for cell in row] for row in rows)
    response = Response(written.getvalue(), mimetype="text/csv")
    response.headers["Content-Disposition"] = f"attachment; filename={name}.csv"
    return response


def inert(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


def story_url(owner: str) -> str:
    return url_for("prepaid.operator_customer", owner=owner)


def age(moment: Moment | None, now: Moment) -> str:
    """How long ago, in words: ``5 minutes ago``."""
    if moment is None:
        return "never"
    seconds = max(int((now - moment.astimezone(UTC)).total_seconds()), 0)
    for size, word in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            count = seconds // size
            return f"{count:,} {word}{'s' * (count != 1)} ago"
    return "just now"
