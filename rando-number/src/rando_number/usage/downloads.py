"""The statement as CSV and as JSON: every entry that was chosen, with what it bought."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from typing import Any

from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from flask_security import auth_required

from flask_prepaid.reports.spreadsheets import inert

from ..callers import customer, owner
from ..edge import streams
from ..limits.rates import limiter
from ..models import release_connection
from . import statement, totals
from .choice import BadChoice, Choice
from .totals import Bought

blueprint = Blueprint("downloads", __name__)
blueprint.register_error_handler(BadChoice, statement.refused)  # a wrong filter shows the page again


#: How often one customer downloads.
DOWNLOADS = limiter.shared_limit("60 per hour", "downloads", key_func=lambda: f"downloads:{owner()}")

#: How many entries are read at once.
PER_PAGE = 200


@blueprint.get("/usage.json")
@auth_required("session")
@DOWNLOADS
def as_json() -> ResponseReturnValue:
    """What was chosen: credits and calls by day and by key, and every entry, written page by page."""
    choice = Choice.read(request.args)
    user = customer()
    return streams.respond(user.owner, json_lines(user.id, choice), "application/json")


def json_lines(user_id: int, choice: Choice) -> Iterator[str]:
    shares = choice.shares(user_id)
    chosen = {
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
    release_connection()
    yield json.dumps(chosen)[:-1] + ', "entries": ['
    for n, row in enumerate(statement_of(user_id, choice)):
        yield (",\n" if n else "\n") + json.dumps({**row, "api_key": row["api_key"] or None})
    yield "]}\n"


@blueprint.get("/usage.csv")
@auth_required("session")
@DOWNLOADS
def as_csv() -> ResponseReturnValue:
    """The entries that were chosen, written page by page."""
    choice = Choice.read(request.args)
    user = customer()
    return streams.respond(user.owner, csv_lines(user.id, choice), "text/csv", "usage.csv")


def csv_lines(user_id: int, choice: Choice) -> Iterator[str]:
    yield csv_line(["entry", "at", "kind", "credits", "balance_after", "cause", "numbers", "api_key"])
    for row in statement_of(user_id, choice):
        numbers = row.pop("numbers")
        key = row.pop("api_key")
        yield csv_line([*row.values(), " ".join(map(str, numbers or [])), key])


def statement_of(user_id: int, choice: Choice) -> Iterator[dict[str, Any]]:
    """Every entry that was chosen, newest first, with what it bought. No connection is kept between pages."""
    cursor = None
    while True:
        page = choice.entries(user_id, PER_PAGE, cursor)
        bought = totals.bought(user_id, [entry.key for entry in page])
        rows = [fields_of(entry, bought.get(entry.key)) for entry in page]
        cursor = page.next_cursor
        release_connection()
        yield from rows
        if cursor is None:
            return


def fields_of(entry: Any, bought: Bought | None) -> dict[str, Any]:
    return {
        "entry": entry.seq,
        "at": entry.at.isoformat(timespec="seconds"),
        "kind": str(entry.kind),
        "credits": entry.credits,
        "balance_after": entry.balance_after,
        "cause": entry.key,
        "numbers": bought.values if bought else None,
        "api_key": bought.key_name if bought else "",
    }


def csv_line(cells: Sequence[object]) -> str:
    written = io.StringIO()
    csv.writer(written).writerow([inert(cell) for cell in cells])
    return written.getvalue()
