"""The statement as CSV and as JSON: every entry that was chosen, with what it bought."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from flask_security import auth_required

from flask_prepaid.reports.spreadsheets import inert

from ..callers import customer, owner
from ..edge import streams
from ..extensions import release_connection
from ..rate_limits.rates import limiter
from . import statement, totals
from .choice import BadChoice, Choice
from .totals import Bought

blueprint = Blueprint("downloads", __name__)
blueprint.register_error_handler(BadChoice, statement.refused)  # a wrong filter shows the page again


#: How often one customer downloads.
DOWNLOADS = limiter.shared_limit("60 per hour", "downloads", key_func=lambda: f"downloads:{owner()}")

#: How many entries are read at once.
PER_PAGE = 200

#: The cells of a line of the CSV.
CELLS = ("entry", "at", "kind", "credits", "balance_after", "cause", "numbers", "api_key")


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
    chosen_entries = Statement(user_id, choice)
    for n, row in enumerate(chosen_entries):
        yield (",\n" if n else "\n") + json.dumps({**row, "api_key": row["api_key"] or None})
    yield "]"
    if chosen_entries.archived_until is not None:
        yield f',\n"calls_archived_until": {json.dumps(stamp(chosen_entries.archived_until))}'
    yield "}\n"


@blueprint.get("/usage.csv")
@auth_required("session")
@DOWNLOADS
def as_csv() -> ResponseReturnValue:
    """The entries that were chosen, written page by page.

    Where older calls are in the archive, the last line is of the kind ``archived``: they are those up to its
    time.
    """
    choice = Choice.read(request.args)
    user = customer()
    return streams.respond(user.owner, csv_lines(user.id, choice), "text/csv", "usage.csv")


def csv_lines(user_id: int, choice: Choice) -> Iterator[str]:
    yield csv_line(CELLS)
    chosen = Statement(user_id, choice)
    for row in chosen:
        numbers = row.pop("numbers")
        key = row.pop("api_key")
        yield csv_line([*row.values(), " ".join(map(str, numbers or [])), key])
    if chosen.archived_until is not None:
        last = {"at": stamp(chosen.archived_until), "kind": "archived"}
        yield csv_line([last.get(cell, "") for cell in CELLS])


class Statement:
    """Every entry that was chosen, newest first, with what it bought. No connection is kept between pages.

    Once they are read, ``archived_until`` says up to when older calls are in the archive, if any are.
    """

    archived_until: datetime | None = None

    def __init__(self, user_id: int, choice: Choice) -> None:
        self.user_id = user_id
        self.choice = choice

    def __iter__(self) -> Iterator[dict[str, Any]]:
        cursor = None
        while True:
            page = self.choice.entries(self.user_id, PER_PAGE, cursor)
            bought = totals.bought(self.user_id, [entry.key for entry in page])
            rows = [fields_of(entry, bought.get(entry.key)) for entry in page]
            cursor, self.archived_until = page.next_cursor, page.archived_until
            release_connection()
            yield from rows
            if cursor is None:
                return


def fields_of(entry: Any, bought: Bought | None) -> dict[str, Any]:
    return {
        "entry": entry.seq,
        "at": stamp(entry.at),
        "kind": str(entry.kind),
        "credits": entry.credits,
        "balance_after": entry.balance_after,
        "cause": entry.key,
        "numbers": bought.values if bought else None,
        "api_key": bought.key_name if bought else "",
    }


def stamp(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


def csv_line(cells: Sequence[object]) -> str:
    written = io.StringIO()
    csv.writer(written).writerow([inert(cell) for cell in cells])
    return written.getvalue()
