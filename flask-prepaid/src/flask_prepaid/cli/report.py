"""``flask prepaid report``: the books as a table, CSV or JSON."""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter
from collections.abc import Callable
from datetime import date

import click
from flask.cli import with_appcontext

from .. import money
from ..context import Context
from ..languages import units
from ..reports import codes as code_reports
from ..reports import credits as credit_reports
from ..reports import failures as failure_reports
from ..reports import journal as journal_reports
from ..reports import plan_revenue, sales_cuts
from ..reports import sales as sales_reports
from ..reports.days import CUTS
from ..reports.sales_cuts import PARTS
from ..reports.selection import Selection, read_day
from ..reports.spreadsheets import inert
from .app import context
from .tables import Report, Row, show


def sales(app: Context, selection: Selection) -> Report:
    """By period, or by ``PARTS``: then each line names its part, and the last one is of all others."""
    lines = sales_reports.sales(app.session, selection)
    totals = [
        {"currency": currency, **sold.as_dict()} for currency, sold in sales_reports.totals(lines).items()
    ]
    if selection.by in PARTS:
        head = list(dict.fromkeys([selection.by, "currency", *sales_reports.SHOWN]))
        rows = [
            {
                "currency": cut.currency,
                selection.by: "(others)" if cut.is_rest else cut.name,
                **cut.sales.as_dict(),
            }
            for cut in sales_cuts.sales_by(app.session, selection.by, selection)
        ]
    else:
        head = ["day", "currency", *sales_reports.SHOWN]
        rows = [
            {"day": line.day.isoformat(), "currency": line.currency, **line.sales.as_dict()} for line in lines
        ]
    return Report(head, rows, totals, {})


def fees(app: Context, selection: Selection) -> Report:
    """What Stripe kept, and of how much: a part of the sales report."""
    sold = sales(app, selection)
    names = [name for name in sold.head if name not in sales_reports.SHOWN] + ["gross_minor", "fees_minor"]
    rows, totals = (
        [{name: row[name] for name in names if name in row} for row in rows]
        for rows in (sold.rows, sold.totals)
    )
    return Report(names, rows, totals, {})


def credits(app: Context, selection: Selection) -> Report:
    """What came and went, what was paid for it, and what customers hold."""
    session = app.session
    lines = credit_reports.credits(session, selection)
    total = credit_reports.Credits()
    for _, line in lines:
        total.add(line)
    owed = credit_reports.owed(session)
    return Report(
        ["day", *total.as_dict()],
        [{"day": day.isoformat(), **in_unit(line.as_dict())} for day, line in lines],
        [in_unit(total.as_dict())],
        {
            "worth_minor": credit_reports.worth(session, selection),
            "outstanding": units.plain(owed.outstanding),
            "debt": units.plain(owed.debt),
            "deferred_minor": owed.deferred_minor,
            "uncounted_wallets": owed.uncounted,
            "undrawn_wallets": owed.undrawn,
            "counted_to": owed.counted_to.isoformat() if owed.counted_to else None,
        },
    )


def mrr(app: Context, selection: Selection) -> Report:
    """Monthly revenue of the plans, per currency; without days, since the first plan was paid."""
    selection = plan_revenue.completed(app, selection)
    rows = [
        line.as_dict()
        for currency in plan_currencies(app, selection)
        for line in plan_revenue.months(app.session, selection, currency=currency)
    ]
    last = {row["currency"]: row["closing_minor"] for row in rows}
    totals = [{"currency": currency, "closing_minor": minor} for currency, minor in last.items()]
    return Report(list(plan_revenue.Month(selection.span.first, "").as_dict()), rows, totals, {})


def cohorts(app: Context, selection: Selection) -> Report:
    """How many of those who first paid for a plan in a month pay at the end of each month since."""
    selection = plan_revenue.completed(app, selection)
    rows = [
        row
        for currency in plan_currencies(app, selection)
        for cohort in plan_revenue.cohorts(app.session, selection.span, currency=currency)
        for row in cohort.rows(currency)
    ]
    return Report(list(plan_revenue.COHORT), rows, [], {})


def plan_currencies(app: Context, selection: Selection) -> list[str]:
    currencies = plan_revenue.currencies(app.session)
    return [currency for currency in currencies if selection.currency in (None, currency)]


def failures(app: Context, selection: Selection) -> Report:
    """Payments that failed, and how many of them came back."""
    lines = failure_reports.failures(app, selection)
    return Report(
        ["day", "currency", *failure_reports.Failures().as_dict()],
        [{"day": day.isoformat(), "currency": currency, **line.as_dict()} for day, currency, line in lines],
        [
            {"currency": currency, **total.as_dict()}
            for currency, total in failure_reports.totals(lines).items()
        ],
        {},
    )


def codes(app: Context, selection: Selection) -> Report:
    """What each code gave in the days of the selection."""
    rows = [row.as_dict() for row in code_reports.by_code(app.session, selection, app.config.time_zone)]
    counted = ("claims", "credits", "referrer_credits")
    total = {name: sum(int(row[name]) for row in rows) for name in counted}
    rows, (total,) = ([in_unit(row, *counted[1:]) for row in lines] for lines in (rows, [total]))
    return Report(list(code_reports.COLUMNS), rows, [total], {})


def journal(app: Context, selection: Selection) -> Report:
    """Double entry of what moved at Stripe: each entry's debits are its credits."""
    rows, sums = [], Counter[tuple[str, str]]()
    for line in journal_reports.journal(app.session, selection):
        debit, credit = (
            money.decimal(minor, line.currency) if minor else ""
            for minor in (line.debit_minor, line.credit_minor)
        )
        row = (line.date.isoformat(), line.account, debit, credit, line.currency, line.entry, line.text)
        rows.append(dict(zip(JOURNAL, row, strict=True)))
        sums[line.currency, line.account] += line.debit_minor - line.credit_minor
    totals = [
        {
            "account": account,
            "debit": money.decimal(minor, currency) if minor > 0 else "",
            "credit": money.decimal(-minor, currency) if minor < 0 else "",
            "currency": currency,
        }
        for (currency, account), minor in sorted(sums.items())
    ]
    return Report(list(JOURNAL), rows, totals, {})


#: The columns of the journal. Amounts are decimals, as accountants import them.
JOURNAL = ("date", "account", "debit", "credit", "currency", "entry", "text")


def in_unit(row: Row, *names: str) -> Row:
    """A row whose credits are as the app's unit writes them: those of these names, or all of it."""
    return {name: units.plain(value) if name in (names or row) else value for name, value in row.items()}


#: Each report, by the word that is typed for it.
REPORTS: dict[str, Callable[[Context, Selection], Report]] = {
    "sales": sales,
    "fees": fees,
    "mrr": mrr,
    "cohorts": cohorts,
    "credits": credits,
    "failures": failures,
    "codes": codes,
    "journal": journal,
}


def day(ctx: click.Context, param: click.Parameter, text: str | None) -> date | None:
    """A day by the shop's calendar, or a sentence that says how to write one."""
    if text is None:
        return None
    try:
        return read_day(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command()
@click.argument("what", type=click.Choice(list(REPORTS)))
@click.option("--from", "first", metavar="DAY", callback=day, help="The first day, such as 2026-01-31.")
@click.option("--to", "last", metavar="DAY", callback=day, help="The last day.")
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
    first: date | None,
    last: date | None,
    by: str | None,
    currency: str | None,
    as_csv: bool,
    as_json: bool,
) -> None:
    """What was sold, kept by Stripe and owed, from our own copy; tick and sync keep it fresh.

    Amounts are in the smallest unit, and positive; in the journal they are decimals. Days are those of
    PREPAID_TIME_ZONE.
    """
    cut = by or ("month" if what in ("mrr", "failures") else "day")
    if by and what == "journal":
        raise click.UsageError("The journal has an entry for each movement: leave --by out.")
    if cut in PARTS and what not in ("sales", "fees"):
        raise click.UsageError(f"{what} can be cut by {', '.join(CUTS)}, not by {cut}.")
    if first and last and last < first:
        raise click.UsageError("--to lies before --from.")
    made = REPORTS[what](context(), Selection(first, last, cut, currency))
    if as_json:
        click.echo(json.dumps({"rows": made.rows, "totals": made.totals, **made.more}))
    elif as_csv:
        writer = csv.DictWriter(sys.stdout, made.head, lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: inert(cell) for name, cell in row.items()} for row in made.rows)
    else:
        show(made)
