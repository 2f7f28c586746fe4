"""What the plans bring in each month, what moved it, and how long customers stay."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from flask import Response, request
from flask.typing import ResponseReturnValue

from .... import money
from ....reports import days, plan_revenue
from ....reports.selection import Selection
from .. import page
from . import charts, period

#: Without a choice, a year is shown by the month.
A_YEAR = 366
READY_MADE = (90, 365, 730)

#: The revenue is held against that of so many days before, here and on the overview.
LATELY = 30


@dataclass(frozen=True)
class Table:
    """The months of one currency, with the cohorts that began in them."""

    currency: str
    lines: list[plan_revenue.Month]
    cohorts: list[plan_revenue.Cohort]
    chart: charts.Chart
    moves: charts.Chart
    earlier: plan_revenue.Month

    @property
    def shown(self) -> list[plan_revenue.Month]:
        """The lines from the first period on in which a plan brought anything; the last one at least."""
        earning = [line.opening_minor or line.new_minor or line.customers for line in self.lines]
        return self.lines[next((n for n, any_yet in enumerate(earning) if any_yet), -1) :]


def chosen() -> period.Choice:
    return period.choice(page.context(), default_days=A_YEAR, default_by="month")


def tables(selection: Selection) -> list[Table]:
    session = page.context().session
    made = []
    for currency in plan_revenue.currencies(session):
        lines = plan_revenue.months(session, selection, currency=currency)
        made.append(
            Table(
                currency,
                lines,
                plan_revenue.cohorts(session, selection.span, currency=currency),
                chart_of_revenue(currency, selection.by, lines),
                chart_of_moves(currency, selection.by, lines),
                earlier=earlier(selection, currency),
            )
        )
    return made


def earlier(selection: Selection, currency: str) -> plan_revenue.Month:
    """The line that opens with the revenue and the customers of ``LATELY`` days before a selection's end."""
    last = selection.span.last
    lately = Selection(last - timedelta(days=LATELY - 1), last, currency=currency)
    return plan_revenue.months(page.context().session, lately, currency=currency)[0]


def chart_of_revenue(currency: str, by: str, lines: list[plan_revenue.Month]) -> charts.Chart:
    """The revenue at the end of each period."""
    return charts.columns(
        f"Monthly revenue in {currency.upper()} at the end of each {by}",
        [period.day_label(line.first) for line in lines],
        [charts.Series("Monthly revenue", "net", [line.closing_minor for line in lines])],
        show=lambda minor: money.show(minor, currency),
    )


def chart_of_moves(currency: str, by: str, lines: list[plan_revenue.Month]) -> charts.Chart:
    """What moved the revenue: what came above the line, what went below."""
    came = [line.new_minor + line.reactivation_minor + line.expansion_minor for line in lines]
    went = [line.churn_minor + line.contraction_minor for line in lines]
    return charts.columns(
        f"What changed it in each {by}",
        [period.day_label(line.first) for line in lines],
        [
            charts.Series("New, expansion, reactivation", "up", came),
            charts.Series("Contraction, churn", "down", went),
        ],
        show=lambda minor: money.show(minor, currency),
        stacked=True,
    )


def overview() -> ResponseReturnValue:
    """Monthly revenue with its moves, churn, and cohorts."""
    page.operator()
    choice = chosen()
    html = page.render(
        "plans.html",
        **choice.shown(page.context(), READY_MADE),
        tables=tables(choice.selection),
        lately=LATELY,
        ends_today=choice.selection.last == days.today(page.context()),
    )
    return html, choice.status


def as_csv() -> Response:
    """The months; with ``part=cohorts`` those, a line for each month of each."""
    page.operator()
    made = tables(chosen().selection)
    if request.args.get("part") == "cohorts":
        months = [
            list(row.values())
            for table in made
            for cohort in table.cohorts
            for row in cohort.rows(table.currency)
        ]
        return page.as_csv("cohorts", list(plan_revenue.COHORT), months)
    rows = [list(line.as_dict().values()) for table in made for line in table.lines]
    head = list(plan_revenue.Month(days.today(page.context()), "").as_dict())
    return page.as_csv("plans", head, rows)
