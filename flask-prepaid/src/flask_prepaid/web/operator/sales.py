"""What was sold: by period, cut by product, plan, currency, country and customer; and as CSV."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import zip_longest

from flask import Response, request
from flask.typing import ResponseReturnValue

from ... import money
from ...reports import days, sales
from ...reports.days import Span
from ...reports.models import Copying
from ...reports.sales import SHOWN, Sales
from .. import page
from . import charts
from . import page as desk

#: The longest span that is shown at once, and the days that one may lie in.
MOST_DAYS = 3_660
FIRST, LAST = date(2000, 1, 1), date(2999, 12, 31)

#: Lines of a file to download, for each currency.
MOST_LINES = 100_000

#: The columns of which more is worse.
COSTS = ("refunds_minor", "disputes_minor", "fees_minor", "discounts_minor")

#: Ready-made spans, in days.
LATELY = (7, 30, 90, 365)


@dataclass(frozen=True)
class Choice:
    """What the period picker says. ``wrong`` is why its days were not taken."""

    span: Span
    by: str
    currency: str | None
    wrong: str | None = None


def choice() -> Choice:
    """What was picked; the last 30 days where nothing or nonsense was."""
    prepaid = page.extension()
    asked = [request.args.get(name, "") for name in ("from", "to")]
    span, wrong = days.last_days(prepaid, 30), None
    if any(asked):
        try:
            first, last = (day_from(text) for text in asked)
            if not 0 <= (last - first).days < MOST_DAYS:
                raise ValueError("backwards, or too long")
            span = Span(first, last)
        except ValueError:
            wrong = f"Pick two days, the first before the last, at most {MOST_DAYS:,} days apart."
    by = request.args.get("by", "")
    if by not in days.CUTS:
        by = "day" if span.days <= 62 else "week" if span.days <= 370 else "month"
    currency = desk.text_of("currency", longest=3)
    return Choice(span, by, currency or None, wrong)


def day_from(text: str) -> date:
    """
    :raises ValueError: It is no day, or one that no shop was open on.
    """
    if not (text.isascii() and len(text) == 10):
        raise ValueError("not a day")
    day = date.fromisoformat(text)
    if not FIRST <= day <= LAST:
        raise ValueError("not a day of ours")
    return day


@dataclass(frozen=True)
class Table:
    """The sales of one currency: a line for each period, and the totals, with those of the time before."""

    currency: str
    lines: list[tuple[date, Sales]]
    total: Sales
    earlier: list[tuple[date, Sales]]
    before: Sales
    chart: charts.Chart


def overview() -> ResponseReturnValue:
    """Sales by period, with a chart and the data beside it."""
    desk.operator()
    picked = choice()
    session = page.extension().session
    cut = request.args.get("part", "product")
    cut = cut if cut in sales.PARTS else "product"
    parts = cuts_of(cut, picked)
    html = desk.render(
        "sales.html",
        picked=picked,
        tables=tables(picked),
        cut=cut,
        cuts=sales.PARTS,
        parts=parts,
        names=desk.names(one.name for one in parts if one.name) if cut == "customer" else {},
        left_out=sales.left_out(session, span=picked.span),
        lately=[(count, days.last_days(page.extension(), count)) for count in LATELY],
        copying=session.get(Copying, 1),
        columns=SHOWN,
        costs=COSTS,
    )
    return html, 422 if picked.wrong else 200


def cuts_of(cut: str, picked: Choice, *, most: int = sales.MOST) -> list[sales.Cut]:
    span = picked.span
    return sales.sales_by(
        page.extension().session, cut, start=span.first, end=span.last, currency=picked.currency, most=most
    )


def tables(picked: Choice) -> list[Table]:
    """One table per currency that had any sales in the span or before it."""
    session = page.extension().session
    now, then = (
        sales.sales(session, start=span.first, end=span.last, currency=picked.currency, by=picked.by)
        for span in (picked.span, picked.span.before())
    )
    totals, before = sales.totals(now), sales.totals(then)
    found = []
    for currency in sorted(totals.keys() | before.keys()):
        of_day = {line.day: line.sales for line in now if line.currency == currency}
        lines = [(day, of_day.get(day, Sales())) for day in picked.span.pieces(picked.by)]
        of_then = {line.day: line.sales for line in then if line.currency == currency}
        earlier = [(day, of_then.get(day, Sales())) for day in picked.span.before().pieces(picked.by)]
        found.append(
            Table(
                currency,
                lines,
                totals.get(currency, Sales()),
                earlier,
                before.get(currency, Sales()),
                chart(currency, lines, earlier),
            )
        )
    return found


def chart(
    currency: str, lines: Sequence[tuple[date, Sales]], before: Sequence[tuple[date, Sales]]
) -> charts.Chart:
    """Gross behind net, and the net of the time before as a line."""
    earlier = [sold.net_minor for _, sold in before][: len(lines)]
    earlier += [0] * (len(lines) - len(earlier))
    return charts.columns(
        f"Sales in {currency.upper()} by period: gross and net",
        [day_label(day) for day, _ in lines],
        [
            charts.Series("Gross", "gross", [sold.gross_minor for _, sold in lines]),
            charts.Series("Net", "net", [sold.net_minor for _, sold in lines]),
        ],
        line=charts.Series("Net before", "before", earlier) if any(earlier) else None,
        show=lambda minor: money.show(minor, currency),
    )


def day_label(day: date) -> str:
    return f"{day.day} {day:%b %y}"


def as_csv() -> Response:
    """Everything that the page shows: by period with the time before, or cut by a part."""
    desk.operator()
    picked = choice()
    part = request.args.get("part")
    if part in sales.PARTS:
        head = list(dict.fromkeys([part, "currency", *SHOWN]))
        rows = [
            [*([] if part == "currency" else [name_of(cut)]), cut.currency, *cut.sales.as_dict().values()]
            for cut in cuts_of(part, picked, most=MOST_LINES)
        ]
        return desk.as_csv(f"sales-by-{part}", head, rows)
    rows = [
        [
            day.isoformat(),
            table.currency,
            *sold.as_dict().values(),
            then[0].isoformat() if then else "",
            then[1].net_minor if then else "",
        ]
        for table in tables(picked)
        for (day, sold), then in zip_longest(table.lines, table.earlier[: len(table.lines)])
    ]
    return desk.as_csv("sales", ["day", "currency", *SHOWN, "day_before", "net_minor_before"], rows)


def name_of(cut: sales.Cut) -> str:
    return "(others)" if cut.is_rest else cut.name
