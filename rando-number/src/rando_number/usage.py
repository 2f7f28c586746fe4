"""Where the credits went: every entry with what it bought, a chart by day, and the same as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from flask import (
    Blueprint,
    Response,
    abort,
    flash,
    jsonify,
    redirect,
    render_template,
    request,
    stream_with_context,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_security import auth_required
from flask_wtf import FlaskForm
from sqlalchemy import and_, func, select
from wtforms import IntegerField
from wtforms.validators import NumberRange, Optional

from . import audit, keys
from .models import ApiKey, Deed, Number, db, utc_now
from .numbers import KEY_OF
from .shop import prepaid
from .who import customer

blueprint = Blueprint("usage", __name__)

DAYS_SHOWN = 30
MOST_DAYS = 366
KINDS = ("spend", "purchase", "allowance", "grant", "reversal", "clawback", "expiry", "adjustment")
PAGE = 50


@dataclass(frozen=True)
class Day:
    """What one day, UTC, sold to one customer."""

    day: date
    calls: int
    credits: int


class LimitForm(FlaskForm):  # type: ignore[misc]
    """The most credits a month; an empty field lifts the limit."""

    limit = IntegerField(validators=[Optional(), NumberRange(1, 10**9, "Write a whole number from 1.")])


@dataclass(frozen=True)
class Choice:
    """What of the usage is looked at: some days, UTC, both included; one API key; one kind of entry."""

    first: date
    last: date
    key_id: int | None
    kind: str | None

    @classmethod
    def read(cls, fields: Mapping[str, str]) -> Choice:
        """What a query asks for. What is no day, key or kind counts as left out."""
        today = utc_now().date()
        last = day_in(fields.get("to", "")) or today
        first = day_in(fields.get("from", "")) or last - timedelta(days=DAYS_SHOWN - 1)
        if not first <= last < first + timedelta(days=MOST_DAYS):
            first = last - timedelta(days=DAYS_SHOWN - 1)
        key = fields.get("key", "")
        kind = fields.get("kind")
        return cls(
            first,
            last,
            int(key) if key.isascii() and key.isdigit() and len(key) < 19 else None,
            kind if kind in KINDS else None,
        )

    @property
    def days(self) -> list[date]:
        return [self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1)]


def day_in(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if 2000 <= found.year < 2100 else None


@blueprint.get("/usage")
@auth_required("session")
def statement() -> ResponseReturnValue:
    return show(LimitForm(formdata=None, limit=customer().cap_per_month))


@blueprint.post("/usage/limit")
@auth_required("session")
def set_limit() -> ResponseReturnValue:
    """Let a month take no more than so many credits, whoever draws."""
    form = LimitForm()
    if not form.validate_on_submit():
        return show(form), 422
    user = customer()
    if user.cap_per_month is None and form.limit.data is not None:
        user.month, user.used = f"{utc_now():%Y-%m}", taken_this_month(user.id)
    user.cap_per_month = form.limit.data
    audit.note(Deed.LIMIT_SET, limit=form.limit.data)
    db.session.commit()
    keys.ring().forget()
    flash("Your monthly limit is saved." if form.limit.data else "There is no monthly limit now.", "success")
    return redirect(url_for("usage.statement"), 303)


def taken_this_month(user_id: int) -> int:
    today = utc_now().date()
    return sum(day.credits for day in by_day(user_id, today.replace(day=1), today))


def show(form: LimitForm) -> str:
    """Every entry, newest first, with the numbers that a spend bought, and charts of the days chosen."""
    user = customer()
    choice = Choice.read(request.args)
    try:
        entries = prepaid.entries(user.owner, limit=PAGE, cursor=request.args.get("cursor"))
    except ValueError:
        abort(404)
    what = bought(user.id, [entry.key for entry in entries])
    days = {day.day: day for day in by_day(user.id, choice.first, choice.last, choice.key_id)}
    return render_template(
        "usage/usage.html",
        entries=[entry for entry in entries if fits(choice, entry, what.get(entry.key))],
        next_cursor=entries.next_cursor,
        bought=what,
        chart=[days.get(day, Day(day, 0, 0)) for day in choice.days],
        by_key=by_key(user.id, choice.first, choice.last),
        keys=keys.keys_of(user),
        kinds=KINDS,
        choice=choice,
        filtered={
            name: request.args[name] for name in ("from", "to", "key", "kind") if request.args.get(name)
        },
        form=form,
    )


def fits(choice: Choice, entry: Any, drawn: Bought | None) -> bool:
    """Whether an entry is among what was chosen."""
    if choice.kind is not None and entry.kind != choice.kind:
        return False
    if choice.key_id is not None and (drawn is None or drawn.key_id != choice.key_id):
        return False
    dated = "from" in request.args or "to" in request.args
    return not dated or choice.first <= entry.at.date() <= choice.last


@blueprint.get("/usage.json")
@auth_required("session")
def as_json() -> ResponseReturnValue:
    """Credits and calls by day and by key, of the days chosen."""
    user, choice = customer(), Choice.read(request.args)
    return jsonify(
        {
            "from": str(choice.first),
            "to": str(choice.last),
            "days": [
                {"day": str(day.day), "calls": day.calls, "credits": day.credits}
                for day in by_day(user.id, choice.first, choice.last, choice.key_id)
            ],
            "keys": [
                {"key": one.name, "calls": one.calls, "credits": one.credits}
                for one in by_key(user.id, choice.first, choice.last)
            ],
        }
    )


@blueprint.get("/usage.csv")
@auth_required("session")
def as_csv() -> ResponseReturnValue:
    """The whole statement, written page by page."""
    user = customer()
    lines = stream_with_context(csv_lines(user.id, user.owner))
    named = {"Content-Disposition": "attachment; filename=usage.csv"}
    return Response(lines, mimetype="text/csv", headers=named)


def csv_lines(user_id: int, owner: str) -> Iterator[str]:
    yield line(["entry", "at", "kind", "credits", "balance_after", "cause", "numbers", "api_key"])
    cursor = None
    while True:
        page = prepaid.entries(owner, limit=200, cursor=cursor)
        what = bought(user_id, [entry.key for entry in page])
        for entry in page:
            drawn = what.get(entry.key)
            yield line(
                [
                    entry.seq,
                    entry.at.isoformat(timespec="seconds"),
                    entry.kind,
                    entry.credits,
                    entry.balance_after,
                    entry.key,
                    " ".join(map(str, drawn.values)) if drawn else "",
                    drawn.key_name if drawn else "",
                ]
            )
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


@dataclass(frozen=True)
class Bought:
    """What one spend gave, and by which key it was asked for."""

    values: list[int]
    key_name: str
    key_id: int | None


@dataclass(frozen=True)
class Share:
    """What one key, or this site, drew of one customer's credits."""

    name: str
    calls: int
    credits: int


def bought(user_id: int, ledger_keys: Sequence[str]) -> Mapping[str, Bought]:
    """What the spends among ``ledger_keys`` gave."""
    ids = [key.removeprefix(KEY_OF) for key in ledger_keys if key.startswith(KEY_OF)]
    rows = db.session.execute(
        select(Number.id, Number.values, Number.api_key_id, ApiKey.name)
        .outerjoin(ApiKey, ApiKey.id == Number.api_key_id)
        .where(Number.user_id == user_id, Number.id.in_(ids))
    )
    return {KEY_OF + row.id: Bought(row.values, row.name or "", row.api_key_id) for row in rows}


def between(user_id: int, first: date, last: date) -> Any:
    """What was drawn for a customer on some days, UTC, ``first`` and ``last`` included."""
    begin = datetime.combine(first, time(), UTC)
    end = datetime.combine(last, time(), UTC) + timedelta(days=1)
    return and_(Number.user_id == user_id, Number.created_at >= begin, Number.created_at < end)


def by_key(user_id: int, first: date, last: date) -> list[Share]:
    """Calls and credits of each key that drew anything, those with the most first."""
    credits = func.sum(Number.charged).label("credits")
    rows = db.session.execute(
        select(ApiKey.name, func.count().label("calls"), credits)
        .select_from(Number)
        .outerjoin(ApiKey, ApiKey.id == Number.api_key_id)
        .where(between(user_id, first, last))
        .group_by(Number.api_key_id, ApiKey.name)
        .order_by(credits.desc())
    )
    return [Share(row.name or "this site", row.calls, int(row.credits)) for row in rows]


def by_day(user_id: int, first: date, last: date, key_id: int | None = None) -> list[Day]:
    """Calls and credits of each day, UTC, that sold anything, by one key or by all."""
    on = day_of(Number.created_at)
    whose = between(user_id, first, last)
    rows = db.session.execute(
        select(on.label("day"), func.count().label("calls"), func.sum(Number.charged).label("credits"))
        .where(whose if key_id is None else and_(whose, Number.api_key_id == key_id))
        .group_by(on)
        .order_by(on)
    )
    return [Day(date.fromisoformat(str(row.day)), row.calls, int(row.credits)) for row in rows]


def day_of(column: Any) -> Any:
    """The UTC day of a time, in the database."""
    if db.engine.dialect.name == "sqlite":
        return func.date(column)
    return func.date(func.timezone("UTC", column))
