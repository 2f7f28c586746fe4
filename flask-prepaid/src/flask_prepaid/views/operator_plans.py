"""What the plans bring in each month, what moved it, and how long customers stay."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from flask import Response, request
from flask.typing import ResponseReturnValue

from .. import charts, money
from ..reports import days, revenue
from . import desk, page
from .operator_sales import Choice, choice

#: Without a choice, a year is shown by the month.
A_YEAR = timedelta(days=365)


@dataclass(frozen=True)
class Table:
    """The months of one currency, with the cohorts that began in them."""

    currency: str
    lines: list[revenue.Month]
    cohorts: list[revenue.Cohort]
    chart: charts.Chart


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
    session, zone = prepaid.session, prepaid.config.time_zone
    found = []
    for currency in revenue.currencies(session):
        lines = revenue.months(session, asked.span, zone=zone, currency=currency, by=asked.by)
        drawn = charts.columns(
            f"Monthly revenue in {currency.upper()} at the end of each {asked.by}",
            [f"{line.first.day} {line.first:%b %y}" for line in lines],
            [charts.Series("Monthly revenue", "net", [line.closing_minor for line in lines])],
            show=lambda minor, currency=currency: money.show(minor, currency),  # type: ignore[misc]
        )
        cohorts = revenue.cohorts(session, asked.span, zone=zone, currency=currency)
        found.append(Table(currency, lines, cohorts, drawn))
    return found


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
    desk.operator()
    rows = [line.as_dict() for table in tables(picked()) for line in table.lines]
    head = list(revenue.Month(days.today(page.extension()), "").as_dict())
    return desk.as_csv("plans", head, ([row[name] for name in head] for row in rows))
