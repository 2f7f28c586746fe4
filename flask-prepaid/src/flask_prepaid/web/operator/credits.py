"""Credits by period, what is owed for them, and both as CSV."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from flask import Response, request
from flask.typing import ResponseReturnValue

from ...reports import credits, days
from ...reports.credits import Credits
from ...reports.days import Span
from .. import page
from . import charts
from . import page as desk
from .sales import LATELY, Choice, choice, day_label


@dataclass(frozen=True)
class Table:
    """A line for each period, the totals, and those of the time before."""

    lines: list[tuple[date, Credits]]
    total: Credits
    before: Credits


def overview() -> ResponseReturnValue:
    """What came and went, what is outstanding, and the money that is owed for it."""
    desk.operator()
    picked = choice()
    table = table_of(picked)
    session = page.extension().session
    drawn = charts.columns(
        "Credits sold and given, and spent, by period",
        [day_label(day) for day, _ in table.lines],
        [
            charts.Series("Sold and given", "gross", [line.sold + line.given for _, line in table.lines]),
            charts.Series("Spent", "net", [line.spent for _, line in table.lines]),
        ],
    )
    html = desk.render(
        "credits.html",
        picked=picked,
        table=table,
        chart=drawn,
        owed=credits.owed(session),
        worth=credits.worth(session, start=picked.span.first, end=picked.span.last),
        lately=[(count, days.last_days(page.extension(), count)) for count in LATELY],
        columns=list(table.total.as_dict()),
    )
    return html, 422 if picked.wrong else 200


def table_of(picked: Choice) -> Table:
    found = dict(read(picked.span, picked.by))
    empty = Credits()
    lines = [(day, found.get(day, empty)) for day in picked.span.pieces(picked.by)]
    return Table(lines, sum_of(found.items()), sum_of(read(picked.span.before(), "day")))


def read(span: Span, by: str) -> list[tuple[date, Credits]]:
    return credits.credits(page.extension().session, start=span.first, end=span.last, by=by)


def sum_of(lines: Iterable[tuple[date, Credits]]) -> Credits:
    total = Credits()
    for _, line in lines:
        total.add(line)
    return total


def as_csv() -> Response:
    """By period; with ``part=money`` what the credits cost: sold, clawed back, breakage, and still owed."""
    desk.operator()
    picked = choice()
    if request.args.get("part") == "money":
        session = page.extension().session
        worth = credits.worth(session, start=picked.span.first, end=picked.span.last)
        deferred = credits.owed(session).deferred_minor
        head = ["currency", *(f"{name}_minor" for name in credits.WORTH), "deferred_minor_now"]
        none = dict.fromkeys(credits.WORTH, 0)
        money = [
            [of, *worth.get(of, none).values(), deferred.get(of, 0)]
            for of in sorted(worth.keys() | deferred.keys())
        ]
        return desk.as_csv("credits-money", head, money)
    table = table_of(picked)
    rows = [(day.isoformat(), *line.as_dict().values()) for day, line in table.lines]
    return desk.as_csv("credits", ["day", *table.total.as_dict()], rows)
