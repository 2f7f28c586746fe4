"""Where the credits went: each entry with what it bought, and a chart; on a page, as CSV and as JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask import (
    Blueprint,
    Response,
    abort,
    flash,
    redirect,
    render_template,
    request,
    stream_with_context,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_security import auth_required
from flask_wtf import FlaskForm
from sqlalchemy import select
from wtforms import IntegerField
from wtforms.validators import NumberRange, Optional

from .. import audit
from ..callers import customer
from ..keys import api_keys
from ..models import ApiKey, Deed, User, db, owner_of, utc_now
from ..shop import prepaid
from . import totals
from .totals import Bought, By, Share

blueprint = Blueprint("usage", __name__)

DAYS_SHOWN = 30
MOST_DAYS = 366
KINDS = ("spend", "purchase", "allowance", "grant", "reversal", "clawback", "expiry", "adjustment")
PAGE = 50

#: Keys that have a colour of their own in the chart; what the others drew shares the last one.
COLOURS = 5


class LimitForm(FlaskForm):  # type: ignore[misc]
    """The most credits a month; an empty field lifts the limit."""

    limit = IntegerField(validators=[Optional(), NumberRange(1, 10**9, "Write a whole number from 1.")])


class BadChoice(ValueError):
    """A filter that is none. The message names the field and says what to do."""


@dataclass(frozen=True)
class Choice:
    """What of the usage is looked at: some days, UTC, both included; one API key; one kind of entry.

    ``dated`` says that days were chosen; without, the charts show the last ``DAYS_SHOWN``
    and the statement goes back to the first entry.
    """

    first: date
    last: date
    by: By = None
    kind: str | None = None
    dated: bool = False

    @classmethod
    def read(cls, fields: Mapping[str, str]) -> Choice:
        """What a query asks for; an empty field counts as left out.

        :raises BadChoice: A field is no day, key or kind, or the days are in the wrong order or too many.
        """
        last = day_in(fields, "to") or utc_now().date()
        first = day_in(fields, "from") or last - timedelta(days=DAYS_SHOWN - 1)
        if not first <= last < first + timedelta(days=MOST_DAYS):
            raise BadChoice(f"From must be a day up to {MOST_DAYS - 1} days before To, or the same day.")
        kind = fields.get("kind") or None
        if kind is not None and kind not in KINDS:
            raise BadChoice("What must be one of the kinds in the list.")
        return cls(first, last, key_in(fields), kind, bool(fields.get("from") or fields.get("to")))

    @classmethod
    def lately(cls) -> Choice:
        today = utc_now().date()
        return cls(today - timedelta(days=DAYS_SHOWN - 1), today)

    def entries(self, user_id: int, limit: int, cursor: str | None) -> Any:
        """A page of the entries that were chosen.

        :raises ValueError: The cursor is none of ours.
        """
        return prepaid.entries(
            owner_of(user_id),
            limit,
            cursor,
            kind=self.kind,
            since=totals.begin_of(self.first) if self.dated else None,
            until=totals.begin_of(self.last) + timedelta(days=1) if self.dated else None,
            keys=totals.spends_by(user_id, self.by),
        )

    def shares(self, user_id: int) -> list[Share]:
        return totals.by_day_and_key(user_id, self.first, self.last, self.by)


def day_in(fields: Mapping[str, str], name: str) -> date | None:
    text = fields.get(name)
    if not text:
        return None
    try:
        found = date.fromisoformat(text)
    except ValueError:
        found = date.min
    if not 2000 <= found.year < 2100:
        raise BadChoice(f"{name.capitalize()} must be a day such as 2026-11-23.")
    return found


def key_in(fields: Mapping[str, str]) -> By:
    text = fields.get("key")
    if not text:
        return None
    if text == "site":
        return "site"
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise BadChoice("Key must be one of the keys in the list.")
    return int(text)


@blueprint.get("/usage")
@auth_required("session")
def statement() -> ResponseReturnValue:
    form = LimitForm(formdata=None, limit=customer().cap_per_month)
    return show(form, Choice.read(request.args))


@blueprint.errorhandler(BadChoice)
def refused(bad: BadChoice) -> ResponseReturnValue:
    """The page as if nothing had been chosen, with what was wrong."""
    form = LimitForm(formdata=None, limit=customer().cap_per_month)
    return show(form, Choice.lately(), problem=str(bad)), 422


@blueprint.post("/usage/limit")
@auth_required("session")
def set_limit() -> ResponseReturnValue:
    """Let a month take no more than so many credits, whoever draws."""
    form = LimitForm()
    if not form.validate_on_submit():
        return show(form, Choice.lately()), 422
    user = customer()
    if user.cap_per_month is None and form.limit.data is not None:
        user.month, user.used = this_month(), taken_this_month(user)
    user.cap_per_month = form.limit.data
    audit.note(Deed.LIMIT_SET, limit=form.limit.data)
    db.session.commit()
    api_keys.ring().forget()
    flash("Your monthly limit is saved." if form.limit.data else "There is no monthly limit now.", "success")
    return redirect(url_for("usage.statement"), 303)


def this_month() -> str:
    return f"{utc_now():%Y-%m}"


def taken_this_month(user: User) -> int:
    today = utc_now().date()
    return sum(share.credits for share in totals.by_day_and_key(user.id, today.replace(day=1), today))


def show(form: LimitForm, choice: Choice, problem: str | None = None) -> str:
    """The entries chosen, newest first, with the numbers that a spend bought, and charts of the days."""
    user = customer()
    cursor = None if problem else request.args.get("cursor")  # it was given on pages of that choice
    try:
        entries = choice.entries(user.id, PAGE, cursor)
    except ValueError:
        abort(404)
    shares = choice.shares(user.id)
    by_key = totals.by_key(shares)
    return render_template(
        "usage/usage.html",
        entries=entries,
        next_cursor=entries.next_cursor,
        bought=totals.bought(user.id, [entry.key for entry in entries]),
        chart=chart(choice, shares, by_key),
        by_key=by_key,
        colour=colours(by_key),
        keys=all_keys_of(user),
        kinds=KINDS,
        choice=choice,
        filtered=filtered(),
        problem=problem,
        taken=user.used if user.cap_per_month is not None and user.month == this_month() else 0,
        form=form,
    )


def filtered() -> dict[str, str]:
    """The filters of this request, for the links that keep them."""
    return {name: request.args[name] for name in ("from", "to", "key", "kind") if request.args.get(name)}


def all_keys_of(user: User) -> list[ApiKey]:
    """Revoked ones, too: what they drew is still to be found."""
    return list(db.session.scalars(select(ApiKey).where(ApiKey.user_id == user.id).order_by(ApiKey.id)))


@dataclass(frozen=True)
class Bar:
    """One day of the chart: what each key drew, from the bottom up."""

    day: date
    parts: list[Share]
    total: totals.Total


def chart(choice: Choice, shares: Sequence[Share], by_key: Sequence[Share]) -> list[Bar]:
    """A bar for each day; the key that drew most on all of them is the lowest part of each."""
    rank = {share.key_id: n for n, share in enumerate(by_key)}
    days = [choice.first + timedelta(days=n) for n in range((choice.last - choice.first).days + 1)]
    parts: dict[date, list[Share]] = {day: [] for day in days}
    for share in sorted(shares, key=lambda share: rank[share.key_id]):
        assert share.day is not None
        parts[share.day].append(share)
    return [Bar(day, parts[day], totals.Total.of(parts[day])) for day in days]


def colours(by_key: Sequence[Share]) -> dict[int | None, int]:
    """The number of each key's colour, from 1."""
    return {share.key_id: min(n, COLOURS) for n, share in enumerate(by_key, 1)}


@blueprint.get("/usage.json")
@auth_required("session")
def as_json() -> ResponseReturnValue:
    """What was chosen: credits and calls by day and by key, and every entry, written page by page."""
    choice = Choice.read(request.args)
    lines = stream_with_context(json_lines(customer().id, choice))
    return Response(lines, mimetype="application/json")


def json_lines(user_id: int, choice: Choice) -> Iterator[str]:
    shares = choice.shares(user_id)
    told = {
        "from": str(choice.first),
        "to": str(choice.last),
        "key": choice.by,
        "kind": choice.kind,
        "days": [
            {"day": str(day), "calls": total.calls, "credits": total.credits}
            for day, total in totals.by_day(shares).items()
        ],
        "keys": [
            {"key": share.name, "calls": share.calls, "credits": share.credits}
            for share in totals.by_key(shares)
        ],
    }
    yield json.dumps(told)[:-1] + ', "entries": ['
    for n, (entry, drawn) in enumerate(statement_of(user_id, choice)):
        row = {
            **told_of(entry),
            "numbers": drawn.values if drawn else None,
            "api_key": (drawn.key_name or None) if drawn else None,
        }
        yield (",\n" if n else "\n") + json.dumps(row)
    yield "]}\n"


@blueprint.get("/usage.csv")
@auth_required("session")
def as_csv() -> ResponseReturnValue:
    """The entries that were chosen, written page by page."""
    choice = Choice.read(request.args)
    lines = stream_with_context(csv_lines(customer().id, choice))
    named = {"Content-Disposition": "attachment; filename=usage.csv"}
    return Response(lines, mimetype="text/csv", headers=named)


def csv_lines(user_id: int, choice: Choice) -> Iterator[str]:
    yield line(["entry", "at", "kind", "credits", "balance_after", "cause", "numbers", "api_key"])
    for entry, drawn in statement_of(user_id, choice):
        numbers = " ".join(map(str, drawn.values)) if drawn else ""
        yield line([*told_of(entry).values(), numbers, drawn.key_name if drawn else ""])


def told_of(entry: Any) -> dict[str, object]:
    return {
        "entry": entry.seq,
        "at": entry.at.isoformat(timespec="seconds"),
        "kind": str(entry.kind),
        "credits": entry.credits,
        "balance_after": entry.balance_after,
        "cause": entry.key,
    }


def statement_of(user_id: int, choice: Choice) -> Iterator[tuple[Any, Bought | None]]:
    """Every entry that was chosen, newest first, with what it bought."""
    cursor = None
    while True:
        page = choice.entries(user_id, 200, cursor)
        what = totals.bought(user_id, [entry.key for entry in page])
        for entry in page:
            yield entry, what.get(entry.key)
        cursor = page.next_cursor
        if cursor is None:
            return


def line(cells: Sequence[object]) -> str:
    written = io.StringIO()
    csv.writer(written).writerow([inert(cell) for cell in cells])
    return written.getvalue()


def inert(cell: object) -> object:
    """A spreadsheet runs text that begins like a formula; a quote before it makes it text again."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
