"""What the plans bring in each month, what moved it, and how long customers stay."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from flask import Response, request
from flask.typing import ResponseReturnValue

from ... import money
from ...reports import days, revenue
from .. import page
from . import charts
from . import page as desk
from .sales import Choice, choice, day_label

#: Without a choice, a year is shown by the month.
A_YEAR = timedelta(days=365)


@dataclass(frozen=True)
class Table:
    """The months of one currency, with the cohorts that began in them."""

    currency: str
    lines: list[revenue.Month]
    cohorts: list[revenue.Cohort]
    chart: charts.Chart
    moves: charts.Chart


def picked() -> Choice:
    """As for sales, but by the month, and a year where nothing was chosen."""
    asked = choice()
    by = request.args.get("by", "month")
    if request.args.get("from") or request.args.get("to"):
        span = asked.span
    else:
        last = days.today(page.extension())
        span = days.Span(last - A_YEAR, last)
    return Choice(span, by if by in days.CUTS else "month", asked.currency, asked.wrong)


def tables(asked: Choice) -> list[Table]:
    prepaid = page.extension()
    session = prepaid.session
    found = []
    for currency in revenue.currencies(session):
        lines = revenue.months(session, asked.span, currency=currency, by=asked.by)
        cohorts = revenue.cohorts(session, asked.span, currency=currency)
        found.append(Table(currency, lines, cohorts, *drawn(currency, asked.by, lines)))
    return found


def drawn(currency: str, by: str, lines: list[revenue.Month]) -> tuple[charts.Chart, charts.Chart]:
    """The revenue at the end of each period, and what moved it: what came above the line, what went below."""
    labels = [day_label(line.first) for line in lines]
    came = [line.new_minor + line.reactivation_minor + line.expansion_minor for line in lines]
    went = [line.churn_minor + line.contraction_minor for line in lines]

    def show(minor: int) -> str:
        return money.show(minor, currency)

    return charts.columns(
        f"Monthly revenue in {currency.upper()} at the end of each {by}",
        labels,
        [charts.Series("Monthly revenue", "net", [line.closing_minor for line in lines])],
        show=show,
    ), charts.columns(
        f"What moved it in each {by}",
        labels,
        [
            charts.Series("New, expansion, reactivation", "up", came),
            charts.Series("Contraction, churn", "down", went),
        ],
        show=show,
        stacked=True,
    )


def overview() -> ResponseReturnValue:
    """Monthly revenue with its moves, churn, and cohorts."""
    desk.operator()
    asked = picked()
    last = days.today(page.extension())
    html = desk.render(
        "plans.html",
        picked=asked,
        tables=tables(asked),
        lately=[(count, days.Span(last - timedelta(days=count - 1), last)) for count in (90, 365, 730)],
    )
    return html, 422 if asked.wrong else 200


def as_csv() -> Response:
    """The months; with ``part=cohorts`` those, a line for each month of each."""
    desk.operator()
    if request.args.get("part") == "cohorts":
        of_cohorts = [
            list(row.values())
            for table in tables(picked())
            for cohort in table.cohorts
            for row in cohort.rows(table.currency)
        ]
        return desk.as_csv("cohorts", list(revenue.COHORT), of_cohorts)
    rows = [line.as_dict() for table in tables(picked()) for line in table.lines]
    head = list(revenue.Month(days.today(page.extension()), "").as_dict())
    return desk.as_csv("plans", head, ([row[name] for name in head] for row in rows))
