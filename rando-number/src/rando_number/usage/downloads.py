"""The statement as CSV and as JSON: every entry that was chosen, with what it bought."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from typing import Any

from flask import Blueprint, Response, request, stream_with_context
from flask.typing import ResponseReturnValue
from flask_security import auth_required

from ..callers import customer
from . import statement, totals
from .choice import BadChoice, Choice
from .totals import Bought

blueprint = Blueprint("downloads", __name__)
blueprint.register_error_handler(BadChoice, statement.refused)  # a wrong filter shows the page again


@blueprint.get("/usage.json")
@auth_required("session")
def as_json() -> ResponseReturnValue:
    """What was chosen: credits and calls by day and by key, and every entry, written page by page."""
    choice = Choice.read(request.args)
    lines = stream_with_context(json_lines(customer().id, choice))
    return Response(lines, mimetype="application/json")


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
    yield json.dumps(chosen)[:-1] + ', "entries": ['
    for n, (entry, sold) in enumerate(statement_of(user_id, choice)):
        row = {
            **fields_of(entry),
            "numbers": sold.values if sold else None,
            "api_key": (sold.key_name or None) if sold else None,
        }
        yield (",\n" if n else "\n") + json.dumps(row)
    yield "]}\n"


@blueprint.get("/usage.csv")
@auth_required("session")
def as_csv() -> ResponseReturnValue:
    """The entries that were chosen, written page by page."""
    choice = Choice.read(request.args)
    lines = stream_with_context(csv_lines(customer().id, choice))
    headers = {"Content-Disposition": "attachment; filename=usage.csv"}
    return Response(lines, mimetype="text/csv", headers=headers)


def csv_lines(user_id: int, choice: Choice) -> Iterator[str]:
    yield csv_line(["entry", "at", "kind", "credits", "balance_after", "cause", "numbers", "api_key"])
    for entry, drawn in statement_of(user_id, choice):
        numbers = " ".join(map(str, drawn.values)) if drawn else ""
        yield csv_line([*fields_of(entry).values(), numbers, drawn.key_name if drawn else ""])


def fields_of(entry: Any) -> dict[str, object]:
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
        bought = totals.bought(user_id, [entry.key for entry in page])
        for entry in page:
            yield entry, bought.get(entry.key)
        cursor = page.next_cursor
        if cursor is None:
            return


def csv_line(cells: Sequence[object]) -> str:
    written = io.StringIO()
    csv.writer(written).writerow([harmless(cell) for cell in cells])
    return written.getvalue()


def harmless(cell: object) -> object:
    """Put a quote before text that a spreadsheet would run as a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
