"""What was sold: by period, cut by product, plan, currency, country and customer; and as CSV."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import zip_longest

from flask import Response, request
from flask.typing import ResponseReturnValue

from .... import money
from ....reports import days, sales, sales_cuts
from ....reports.balance.tying import ANY_NUMBER, PLAN
from ....reports.models import Copying
from ....reports.sales import SHOWN, Sales, SalesRow
from ....reports.selection import Selection
from .. import page
from . import charts, period

#: Lines of a file to download, for each currency.
MAX_LINES = 100_000

#: The columns that a page always shows.
ALWAYS = ("gross_minor", "net_minor")

#: The columns of which more is worse.
COSTS = ("refunds_minor", "disputes_minor", "fees_minor", "discounts_minor")


@dataclass(frozen=True)
class Table:
    """The sales of one currency: a line for each period, and the totals, with those of the time before.

    ``fewest`` is of how many movements a column's total is made, now or before, whichever is less; empty
    while some that were paid are in no sum yet, since no comparison would be true.
    """

    currency: str
    lines: list[tuple[date, Sales]]
    total: Sales
    earlier: list[tuple[date, Sales]]
    before: Sales
    fewest: Counter[str]
    chart: charts.Chart

    @property
    def columns(self) -> list[str]:
        return columns_of([self.total, self.before, *(sold for _, sold in self.lines)])

    @property
    def used(self) -> list[str]:
        """Those of which some period has any."""
        return columns_of(sold for _, sold in self.lines)


def columns_of(lines: Iterable[Sales]) -> list[str]:
    """The columns that a page shows. One that is zero in all lines says nothing, but for gross and net."""
    used = {name for line in lines for name, minor in line.as_dict().items() if minor}
    return [name for name in SHOWN if name in used or name in ALWAYS]


def titles(part: str) -> dict[str, str]:
    """What is for sale is called by its title: by what ``part`` calls it."""
    catalog = page.context().catalog
    plans = {slug: str(plan.title) for slug, plan in catalog.plans.items()}
    if part == "plan":
        return plans
    packs = {slug: str(pack.title) for slug, pack in catalog.packs.items()}
    return {ANY_NUMBER: "any number", **packs, **{f"{PLAN}{slug}": words for slug, words in plans.items()}}


def overview() -> ResponseReturnValue:
    """Sales by period, with a chart and the data beside it."""
    page.operator()
    context = page.context()
    session = context.session
    choice = period.choice(context)
    part = request.args.get("part", "product")
    part = part if part in sales_cuts.PARTS else "product"
    cuts = sales_cuts.sales_by(session, part, choice.selection)
    html = page.render(
        "sales.html",
        **choice.shown(context),
        tables=tables(choice.selection),
        part=part,
        parts=sales_cuts.PARTS,
        cuts=cuts,
        labels=page.labels(cut.name for cut in cuts if cut.name) if part == "customer" else {},
        left_out=sales.left_out(session, choice.selection.span),
        copying=session.get(Copying, 1),
        columns=columns_of(cut.sales for cut in cuts),
        titles=titles(part) if part in ("product", "plan") else {},
        costs=COSTS,
        uncopied=sales.uncopied(session),
    )
    return html, choice.status


def tables(selection: Selection) -> list[Table]:
    """One table per currency that had any sales in the span or before it."""
    session = page.context().session
    now, then = (sales.sales(session, days) for days in (selection, selection.before()))
    totals, before = sales.totals(now), sales.totals(then)
    counts = fewest(selection)
    made = []
    for currency in sorted(totals.keys() | before.keys()):
        lines = lines_of(currency, now, selection)
        earlier = lines_of(currency, then, selection.before())
        made.append(
            Table(
                currency,
                lines,
                totals.get(currency, Sales()),
                earlier,
                before.get(currency, Sales()),
                counts.get(currency, Counter()),
                chart(currency, lines, earlier),
            )
        )
    return made


def fewest(selection: Selection) -> dict[str, Counter[str]]:
    """Of how many movements a column is made in these days or in as many before, whichever is less.

    Per currency. One in which some payments of these days are not copied yet is left out.
    """
    context = page.context()
    session, zone, span = context.session, context.config.time_zone, selection.span
    now, before = (sales.movements(session, time) for time in (selection, selection.before()))
    until = days.midnight(span.last + timedelta(days=1), zone)
    waiting = sales.uncopied(session, since=days.midnight(span.first, zone), until=until)
    known = (now.keys() & before.keys()) - waiting.keys()
    return {currency: now[currency] & before[currency] for currency in known}


def lines_of(currency: str, rows: list[SalesRow], selection: Selection) -> list[tuple[date, Sales]]:
    """A line for each period, also for those in which nothing was sold."""
    sold = {row.day: row.sales for row in rows if row.currency == currency}
    return [(day, sold.get(day, Sales())) for day in selection.span.pieces(selection.by)]


def chart(
    currency: str, lines: Sequence[tuple[date, Sales]], before: Sequence[tuple[date, Sales]]
) -> charts.Chart:
    """Gross behind net, and marks at the net of the time before."""
    earlier = [sold.net_minor for _, sold in before][: len(lines)]
    earlier += [0] * (len(lines) - len(earlier))
    return charts.columns(
        f"Sales in {currency.upper()} by period: gross and net",
        [period.day_label(day) for day, _ in lines],
        [
            charts.Series("Gross", "gross", [sold.gross_minor for _, sold in lines]),
            charts.Series("Net", "net", [sold.net_minor for _, sold in lines]),
        ],
        marked=charts.Series("Net before", "before", earlier) if any(earlier) else None,
        show=lambda minor: money.show(minor, currency),
    )


def as_csv() -> Response:
    """Everything that the page shows: by period with the time before, or cut by a part."""
    page.operator()
    selection = period.choice(page.context()).selection
    part = request.args.get("part")
    return csv_of_part(part, selection) if part in sales_cuts.PARTS else csv_of_periods(selection)


def csv_of_part(part: str, selection: Selection) -> Response:
    cuts = sales_cuts.sales_by(page.context().session, part, selection, max_cuts=MAX_LINES)
    rows = [
        [*([] if part == "currency" else [name_of(cut)]), cut.currency, *cut.sales.as_dict().values()]
        for cut in cuts
    ]
    return page.as_csv(f"sales-by-{part}", list(dict.fromkeys([part, "currency", *SHOWN])), rows)


def csv_of_periods(selection: Selection) -> Response:
    rows = [
        [
            day.isoformat(),
            table.currency,
            *sold.as_dict().values(),
            then[0].isoformat() if then else "",
            then[1].net_minor if then else "",
        ]
        for table in tables(selection)
        for (day, sold), then in zip_longest(table.lines, table.earlier[: len(table.lines)])
    ]
    return page.as_csv("sales", ["day", "currency", *SHOWN, "day_before", "net_minor_before"], rows)


def name_of(cut: sales_cuts.Cut) -> str:
    return "(others)" if cut.is_rest else cut.name
