"""``flask prepaid report``: the books as a table, CSV or JSON."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import click
from flask import current_app
from flask.cli import with_appcontext
from sqlalchemy.orm import Session

from . import money
from .reports import credits as credit_reports
from .reports import sales as sales_reports
from .reports.days import CUTS

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
@click.argument("what", type=click.Choice(["sales", "fees", "credits"]))
@click.option("--from", "start", type=click.DateTime(["%Y-%m-%d"]), help="The first day.")
@click.option("--to", "end", type=click.DateTime(["%Y-%m-%d"]), help="The last day.")
@click.option("--by", type=click.Choice(CUTS), default="day")
@click.option("--currency", help="Only this one, such as usd.")
@click.option("--csv", "as_csv", is_flag=True, help="One line each, with a head.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on one line.")
@with_appcontext
def report(
    what: str,
    start: datetime | None,
    end: datetime | None,
    by: str,
    currency: str | None,
    as_csv: bool,
    as_json: bool,
) -> None:
    """What was sold, kept by Stripe and owed, from our own copy; run sync first.

    Amounts are in the smallest unit, and positive. Days are those of PREPAID_TIME_ZONE.
    """
    session: Session = current_app.extensions["prepaid"].session
    first, last = (day.date() if day else None for day in (start, end))
    made = REPORTS[what](session, Asked(first, last, by, currency))
    if as_json:
        click.echo(json.dumps({"rows": made.rows, "totals": made.totals, **made.more}))
    elif as_csv:
        writer = csv.DictWriter(sys.stdout, made.head, lineterminator="\n")
        writer.writeheader()
        writer.writerows(made.rows)
    else:
        for row in [*made.rows, *({"day": "all", **total} for total in made.totals)]:
            click.echo("  ".join(shown(row)))
        for name, value in made.more.items():
            click.echo(f"{name}: {json.dumps(value)}")


def shown(row: Row) -> list[str]:
    """A line for people: money with its sign, counts in columns."""
    currency = row.get("currency")
    cells = [f"{row['day']:<10}", *([currency] if currency else [])]
    for name, value in row.items():
        if name.endswith("_minor"):
            cells.append(f"{money.show(value, str(currency)):>14}")
        elif isinstance(value, int):
            cells.append(f"{value:>10,}")
    return cells


def sales(session: Session, asked: Asked) -> Report:
    lines = sales_reports.sales(
        session, start=asked.start, end=asked.end, by=asked.by, currency=asked.currency
    )
    return Report(
        ["day", "currency", *sales_reports.Sales().as_dict()],
        [{"day": line.day.isoformat(), "currency": line.currency, **line.sales.as_dict()} for line in lines],
        [{"currency": of, **sold.as_dict()} for of, sold in sales_reports.totals(lines).items()],
        {},
    )


def fees(session: Session, asked: Asked) -> Report:
    """What Stripe kept, and of how much: a part of the sales report."""
    sold = sales(session, asked)
    kept = ["day", "currency", "gross_minor", "fees_minor"]
    only = [
        [{name: row[name] for name in kept if name in row} for row in rows]
        for rows in (sold.rows, sold.totals)
    ]
    return Report(kept, only[0], only[1], {})


def credits(session: Session, asked: Asked) -> Report:
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


REPORTS: dict[str, Callable[[Session, Asked], Report]] = {"sales": sales, "fees": fees, "credits": credits}
