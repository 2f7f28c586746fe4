"""Where the credits went: every entry with what it bought, a chart by day, and the same as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from flask import Blueprint, Response, abort, render_template, request, stream_with_context
from flask.typing import ResponseReturnValue
from flask_security import auth_required
from sqlalchemy import func, select

from .models import ApiKey, Number, db, utc_now
from .numbers import KEY_OF
from .shop import prepaid
from .who import customer

blueprint = Blueprint("usage", __name__)

DAYS_SHOWN = 30
PAGE = 50


@dataclass(frozen=True)
class Day:
    """What one day, UTC, sold to one customer."""

    day: date
    calls: int
    credits: int


@blueprint.get("/usage")
@auth_required("session")
def statement() -> ResponseReturnValue:
    """Every entry, newest first, with the numbers that a spend bought."""
    user = customer()
    try:
        entries = prepaid.entries(user.owner, limit=PAGE, cursor=request.args.get("cursor"))
    except ValueError:
        abort(404)
    today = utc_now().date()
    first = today - timedelta(days=DAYS_SHOWN - 1)
    days = {day.day: day for day in by_day(user.id, first, today)}
    shown = [first + timedelta(days=n) for n in range(DAYS_SHOWN)]
    return render_template(
        "usage/usage.html",
        entries=entries,
        bought=bought(user.id, [entry.key for entry in entries]),
        chart=[days.get(day, Day(day, 0, 0)) for day in shown],
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


def bought(user_id: int, ledger_keys: Sequence[str]) -> Mapping[str, Bought]:
    """What the spends among ``ledger_keys`` gave."""
    ids = [key.removeprefix(KEY_OF) for key in ledger_keys if key.startswith(KEY_OF)]
    rows = db.session.execute(
        select(Number.id, Number.values, ApiKey.name)
        .outerjoin(ApiKey, ApiKey.id == Number.api_key_id)
        .where(Number.user_id == user_id, Number.id.in_(ids))
    )
    return {KEY_OF + row.id: Bought(row.values, row.name or "") for row in rows}


def by_day(user_id: int, first: date, last: date) -> list[Day]:
    """Calls and credits of each day, UTC, that sold anything, ``first`` and ``last`` included."""
    on = day_of(Number.created_at)
    begin = datetime.combine(first, time(), UTC)
    end = datetime.combine(last, time(), UTC) + timedelta(days=1)
    rows = db.session.execute(
        select(on.label("day"), func.count().label("calls"), func.sum(Number.charged).label("credits"))
        .where(Number.user_id == user_id, Number.created_at >= begin, Number.created_at < end)
        .group_by(on)
        .order_by(on)
    )
    return [Day(date.fromisoformat(str(row.day)), row.calls, int(row.credits)) for row in rows]


def day_of(column: Any) -> Any:
    """The UTC day of a time, in the database."""
    if db.engine.dialect.name == "sqlite":
        return func.date(column)
    return func.date(func.timezone("UTC", column))
