"""Credits by period, what is owed for them, and both as CSV."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from flask import Response, request
from flask.typing import ResponseReturnValue

from ....languages import units
from ....reports import credits
from ....reports.credits import Credits
from ....reports.selection import Selection
from .. import page
from . import charts, period

#: The columns that a page always shows.
ALWAYS = ("sold", "spent", "change")


@dataclass(frozen=True)
class Table:
    """A line for each period, the totals, and those of the time before.

    ``fewest`` is of how many entries a column's total is made, now or before, whichever is less.
    """

    lines: list[tuple[date, Credits]]
    total: Credits
    before: Credits
    fewest: Counter[str]

    @property
    def columns(self) -> list[str]:
        """The columns of which there was any now or before, and those that a page always shows."""
        return columns_of([self.total, self.before, *(line for _, line in self.lines)])

    @property
    def used(self) -> list[str]:
        """Those of which some period has any."""
        return columns_of(line for _, line in self.lines)


def columns_of(lines: Iterable[Credits]) -> list[str]:
    used = {name for line in lines for name, count in line.as_dict().items() if count}
    return [name for name in Credits().as_dict() if name in used or name in ALWAYS]


def overview() -> ResponseReturnValue:
    """What came and went, what customers hold, and the money that is owed for it."""
    page.operator()
    context = page.context()
    session = context.session
    choice = period.choice(context)
    table = table_of(choice.selection)
    chart = charts.columns(
        "Credits sold and given, and spent, by period",
        [period.day_label(day) for day, _ in table.lines],
        [
            charts.Series("Sold and given", "gross", [line.sold + line.given for _, line in table.lines]),
            charts.Series("Spent", "net", [line.spent for _, line in table.lines]),
        ],
    )
    html = page.render(
        "credits.html",
        **choice.shown(context),
        table=table,
        chart=chart,
        owed=credits.owed(session),
        worth=credits.worth(session, choice.selection),
    )
    return html, choice.status


def table_of(selection: Selection) -> Table:
    session = page.context().session
    moved = dict(credits.credits(session, selection))
    lines = [(day, moved.get(day, Credits())) for day in selection.span.pieces(selection.by)]
    before = credits.credits(session, selection.before())
    fewest = credits.entries(session, selection) & credits.entries(session, selection.before())
    return Table(lines, sum_of(moved.values()), sum_of(line for _, line in before), fewest)


def sum_of(lines: Iterable[Credits]) -> Credits:
    total = Credits()
    for line in lines:
        total.add(line)
    return total


def as_csv() -> Response:
    """By period; with ``part=money`` what the credits cost: sold, clawed back, breakage, and still owed."""
    page.operator()
    selection = period.choice(page.context()).selection
    if request.args.get("part") == "money":
        return csv_of_money(selection)
    table = table_of(selection)
    rows = [(day.isoformat(), *map(units.plain, line.as_dict().values())) for day, line in table.lines]
    return page.as_csv("credits", ["day", *table.total.as_dict()], rows)


def csv_of_money(selection: Selection) -> Response:
    session = page.context().session
    worth = credits.worth(session, selection)
    deferred = credits.owed(session).deferred_minor
    nothing = dict.fromkeys(credits.WORTH, 0)
    rows = [
        [currency, *worth.get(currency, nothing).values(), deferred.get(currency, 0)]
        for currency in sorted(worth.keys() | deferred.keys())
    ]
    head = ["currency", *(f"{name}_minor" for name in credits.WORTH), "deferred_minor_now"]
    return page.as_csv("credits-money", head, rows)
