"""``flask prepaid report``: the books as a table, CSV or JSON."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import click
from flask import current_app
from flask.cli import with_appcontext

from .. import money
from ..reports import credits as credit_reports
from ..reports import days, revenue
from ..reports import failures as failure_reports
from ..reports import sales as sales_reports
from ..reports.days import CUTS
from ..reports.sales import PARTS

if TYPE_CHECKING:
    from ..extension import Prepaid

Row = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """What a report is asked for. Days are those of the shop's time zone."""

    start: date | None
    end: date | None
    by: str
    currency: str | None


@dataclass(frozen=True)
class Report:
    """``rows`` by period with the columns of ``head``, ``totals``, and ``more``, which CSV leaves out."""

    head: list[str]
    rows: list[Row]
    totals: list[Row]
    more: Row


@click.command()
@click.argument("what", type=click.Choice(["sales", "fees", "mrr", "cohorts", "credits", "failures"]))
@click.option("--from", "start", type=click.DateTime(["%Y-%m-%d"]), help="The first day.")
@click.option("--to", "end", type=click.DateTime(["%Y-%m-%d"]), help="The last day.")
@click.option(
    "--by",
    type=click.Choice([*CUTS, *PARTS]),
    help="Default: day; month for mrr and failures. What is no period is for sales and fees only.",
)
@click.option("--currency", help="Only this one, such as usd.")
@click.option("--csv", "as_csv", is_flag=True, help="One line each, with a head.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on one line.")
@with_appcontext
def report(
    what: str,
    start: datetime | None,
    end: datetime | None,
    by: str | None,
    currency: str | None,
    as_csv: bool,
    as_json: bool,
) -> None:
    """What was sold, kept by Stripe and owed, from our own copy; tick and sync keep it fresh.

    Amounts are in the smallest unit, and positive. Days are those of PREPAID_TIME_ZONE.
    """
    prepaid: Prepaid = current_app.extensions["prepaid"]
    first, last = (day.date() if day else None for day in (start, end))
    cut = by or ("month" if what in ("mrr", "failures") else "day")
    if cut in PARTS and what not in ("sales", "fees"):
        raise click.UsageError(f"{what} can be cut by {', '.join(CUTS)}, not by {cut}.")
    if first and last and last < first:
        raise click.UsageError("--to lies before --from.")
    made = REPORTS[what](prepaid, Asked(first, last, cut, currency))
    if as_json:
        click.echo(json.dumps({"rows": made.rows, "totals": made.totals, **made.more}))
    elif as_csv:
        writer = csv.DictWriter(sys.stdout, made.head, lineterminator="\n")
        writer.writeheader()
        writer.writerows(made.rows)
    else:
        click.echo("  ".join(heads(made.head)))
        for row in [*made.rows, *({made.head[0]: "all", **total} for total in made.totals)]:
            click.echo("  ".join(shown(row, made.head)))
        for name, value in made.more.items():
            click.echo(f"{name.removesuffix('_minor').replace('_', ' ')}: {in_words(name, value)}")


#: How wide a column is: what is no amount by its name, an amount like every other.
WIDTHS = {"day": 10, "currency": 8, "product": 20, "plan": 20, "country": 8, "customer": 20, "began": 10}
WIDTH = 14


def heads(names: list[str]) -> list[str]:
    """The names above the columns, without their unit: amounts are shown with their currency."""
    words = [name.removesuffix("_minor").replace("_", " ") for name in names]
    counts = {word for word, name in zip(words, names, strict=True) if word == name}
    words = [
        f"amount {word}" if name.endswith("_minor") and word in counts else word
        for word, name in zip(words, names, strict=True)
    ]
    return [
        f"{word:<{WIDTHS[name]}}" if name in WIDTHS else f"{word:>{WIDTH}}"
        for word, name in zip(words, names, strict=True)
    ]


def in_words(name: str, value: Any) -> str:
    """What stands below a table: amounts with their currency, and with their name where they have one."""
    if not (name.endswith("_minor") and isinstance(value, dict)):
        return f"{value:,}" if isinstance(value, int) else str(value or "none")
    told = []
    for of, minor in value.items():
        named = minor if isinstance(minor, dict) else {"": minor}
        told += [f"{word.replace('_', ' ')} {money.show(one, of)}".strip() for word, one in named.items()]
    return ", ".join(told) or "none"


def shown(row: Row, names: list[str]) -> list[str]:
    """A line for people: money with its sign, counts, rates, and nothing where nothing is known."""
    cells = []
    for name in names:
        value = row.get(name)
        if name in WIDTHS:
            cells.append(f"{value or '':<{WIDTHS[name]}}")
        elif value is None:
            cells.append(" " * WIDTH)
        elif name.endswith("_minor"):
            cells.append(f"{money.show(value, row['currency']):>{WIDTH}}")
        else:
            cells.append(f"{value:>{WIDTH}.1%}" if isinstance(value, float) else f"{value:>{WIDTH},}")
    return cells


def sales(prepaid: Prepaid, asked: Asked) -> Report:
    """By period, or by ``PARTS``: then each line names its part, and the last one is of all others."""
    wanted: Row = {"start": asked.start, "end": asked.end, "currency": asked.currency}
    if asked.by in PARTS:
        cuts = sales_reports.sales_by(prepaid.session, asked.by, **wanted)
        rows = [
            {
                "currency": cut.currency,
                asked.by: "(others)" if cut.is_rest else cut.name,
                **cut.sales.as_dict(),
            }
            for cut in cuts
        ]
        head = list(dict.fromkeys([asked.by, "currency", *sales_reports.SHOWN]))
        lines = sales_reports.sales(prepaid.session, **wanted)
    else:
        lines = sales_reports.sales(prepaid.session, by=asked.by, **wanted)
        head = ["day", "currency", *sales_reports.SHOWN]
        rows = [
            {"day": line.day.isoformat(), "currency": line.currency, **line.sales.as_dict()} for line in lines
        ]
    totals = [{"currency": of, **sold.as_dict()} for of, sold in sales_reports.totals(lines).items()]
    return Report(head, rows, totals, {})


def fees(prepaid: Prepaid, asked: Asked) -> Report:
    """What Stripe kept, and of how much: a part of the sales report."""
    sold = sales(prepaid, asked)
    kept = [name for name in sold.head if name not in sales_reports.SHOWN] + ["gross_minor", "fees_minor"]
    only = [
        [{name: row[name] for name in kept if name in row} for row in rows]
        for rows in (sold.rows, sold.totals)
    ]
    return Report(kept, only[0], only[1], {})


def credits(prepaid: Prepaid, asked: Asked) -> Report:
    session = prepaid.session
    lines = credit_reports.credits(session, start=asked.start, end=asked.end, by=asked.by)
    total = credit_reports.Credits()
    for _, line in lines:
        total.add(line)
    owed = credit_reports.owed(session)
    return Report(
        ["day", *total.as_dict()],
        [{"day": day.isoformat(), **line.as_dict()} for day, line in lines],
        [total.as_dict()],
        {
            "worth_minor": credit_reports.worth(session, start=asked.start, end=asked.end),
            "outstanding": owed.outstanding,
            "debt": owed.debt,
            "deferred_minor": owed.deferred_minor,
            "uncounted_wallets": owed.uncounted,
            "undrawn_wallets": owed.undrawn,
            "counted_to": owed.counted_to.isoformat() if owed.counted_to else None,
        },
    )


def mrr(prepaid: Prepaid, asked: Asked) -> Report:
    """Monthly revenue of the plans, per currency; without days, since the first plan was paid."""
    span = since_the_first_plan(prepaid, asked)
    rows = [
        line.as_dict()
        for currency in plan_currencies(prepaid, asked)
        for line in revenue.months(prepaid.session, span, currency=currency, by=asked.by)
    ]
    last = {row["currency"]: row["closing_minor"] for row in rows}
    totals = [{"currency": of, "closing_minor": minor} for of, minor in last.items()]
    return Report(list(revenue.Month(span.first, "").as_dict()), rows, totals, {})


def cohorts(prepaid: Prepaid, asked: Asked) -> Report:
    """How many of those who first paid for a plan in a month pay at the end of each month since."""
    span = since_the_first_plan(prepaid, asked)
    rows = [
        row
        for currency in plan_currencies(prepaid, asked)
        for cohort in revenue.cohorts(prepaid.session, span, currency=currency)
        for row in cohort.rows(currency)
    ]
    return Report(list(revenue.COHORT), rows, [], {})


def since_the_first_plan(prepaid: Prepaid, asked: Asked) -> days.Span:
    last = days.today(prepaid)
    begin = asked.start or revenue.begin(prepaid.session) or last
    return days.Span(begin, max(asked.end or last, begin))


def plan_currencies(prepaid: Prepaid, asked: Asked) -> list[str]:
    return [of for of in revenue.currencies(prepaid.session) if asked.currency in (None, of)]


def failures(prepaid: Prepaid, asked: Asked) -> Report:
    """Payments that failed, and how many of them came back."""
    lines = failure_reports.failures(
        prepaid, start=asked.start, end=asked.end, currency=asked.currency, by=asked.by
    )
    return Report(
        ["day", "currency", *failure_reports.Failures().as_dict()],
        [{"day": day.isoformat(), "currency": of, **line.as_dict()} for day, of, line in lines],
        [{"currency": of, **total.as_dict()} for of, total in failure_reports.totals(lines).items()],
        {},
    )


REPORTS: dict[str, Callable[[Prepaid, Asked], Report]] = {
    "sales": sales,
    "fees": fees,
    "mrr": mrr,
    "cohorts": cohorts,
    "credits": credits,
    "failures": failures,
}
