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

from . import money
from .reports import credits as credit_reports
from .reports import days, revenue
from .reports import sales as sales_reports
from .reports.days import CUTS

if TYPE_CHECKING:
    from .extension import Prepaid

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
@click.argument("what", type=click.Choice(["sales", "fees", "mrr", "credits"]))
@click.option("--from", "start", type=click.DateTime(["%Y-%m-%d"]), help="The first day.")
@click.option("--to", "end", type=click.DateTime(["%Y-%m-%d"]), help="The last day.")
@click.option("--by", type=click.Choice(CUTS), help="Default: day, and month for mrr.")
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
    """What was sold, kept by Stripe and owed, from our own copy; run sync first.

    Amounts are in the smallest unit, and positive. Days are those of PREPAID_TIME_ZONE.
    """
    prepaid: Prepaid = current_app.extensions["prepaid"]
    first, last = (day.date() if day else None for day in (start, end))
    cut = by or ("month" if what == "mrr" else "day")
    made = REPORTS[what](prepaid, Asked(first, last, cut, currency))
    if as_json:
        click.echo(json.dumps({"rows": made.rows, "totals": made.totals, **made.more}))
    elif as_csv:
        writer = csv.DictWriter(sys.stdout, made.head, lineterminator="\n")
        writer.writeheader()
        writer.writerows(made.rows)
    else:
        click.echo("  ".join(heads(made.head)))
        for row in [*made.rows, *({"day": "all", **total} for total in made.totals)]:
            click.echo("  ".join(shown(row, made.head)))
        for name, value in made.more.items():
            click.echo(f"{name}: {json.dumps(value)}")


#: How wide a column is: what is no amount by its name, an amount like every other.
WIDTHS = {"day": 10, "currency": 8}
WIDTH = 14


def heads(names: list[str]) -> list[str]:
    """The names above the columns, without their unit: amounts are shown with their currency."""
    words = [name.removesuffix("_minor").replace("_", " ") for name in names]
    widths = [WIDTHS.get(name, WIDTH) for name in names]
    return [
        f"{word:<{width}}" if width < WIDTH else f"{word:>{WIDTH}}"
        for word, width in zip(words, widths, strict=True)
    ]


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
    lines = sales_reports.sales(
        prepaid.session, start=asked.start, end=asked.end, by=asked.by, currency=asked.currency
    )
    return Report(
        ["day", "currency", *sales_reports.Sales().as_dict()],
        [{"day": line.day.isoformat(), "currency": line.currency, **line.sales.as_dict()} for line in lines],
        [{"currency": of, **sold.as_dict()} for of, sold in sales_reports.totals(lines).items()],
        {},
    )


def fees(prepaid: Prepaid, asked: Asked) -> Report:
    """What Stripe kept, and of how much: a part of the sales report."""
    sold = sales(prepaid, asked)
    kept = ["day", "currency", "gross_minor", "fees_minor"]
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
        },
    )


def mrr(prepaid: Prepaid, asked: Asked) -> Report:
    """Monthly revenue of the plans, per currency; without days, since the first plan was paid."""
    session, zone = prepaid.session, prepaid.config.time_zone
    begin = asked.start or revenue.begin(session, zone) or days.today(prepaid)
    span = days.Span(begin, max(asked.end or days.today(prepaid), begin))
    known = revenue.currencies(session)
    rows = [
        line.as_dict()
        for currency in known
        if asked.currency in (None, currency)
        for line in revenue.months(session, span, zone=zone, currency=currency, by=asked.by)
    ]
    last = {row["currency"]: row["closing_minor"] for row in rows}
    totals = [{"currency": of, "closing_minor": minor} for of, minor in last.items()]
    return Report(list(revenue.Month(begin, "").as_dict()), rows, totals, {})


REPORTS: dict[str, Callable[[Prepaid, Asked], Report]] = {
    "sales": sales,
    "fees": fees,
    "mrr": mrr,
    "credits": credits,
}
