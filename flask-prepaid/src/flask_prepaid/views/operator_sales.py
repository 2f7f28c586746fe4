"""What was sold: today and lately, by period, cut by product, country and customer; and as CSV."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from flask import Response, request
from flask.typing import ResponseReturnValue

from .. import charts, money
from ..reports import credits as credit_reports
from ..reports import days, sales
from ..reports.days import Span
from ..reports.models import Copying
from ..reports.sales import Sales
from . import desk, page

#: The longest span that is shown at once, and the days that one may lie in.
MOST_DAYS = 3_660
FIRST, LAST = date(2000, 1, 1), date(2999, 12, 31)

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
    before: Sales
    chart: charts.Chart


def overview() -> ResponseReturnValue:
    """Sales by period, with a chart and the data beside it."""
    desk.operator()
    picked = choice()
    session = page.extension().session
    cut = request.args.get("part", "product")
    cut = cut if cut in sales.PARTS else "product"
    parts = sales.sales_by(session, cut, span=picked.span, currency=picked.currency)
    html = desk.render(
        "sales.html",
        picked=picked,
        tables=tables(picked),
        cut=cut,
        cuts=sales.PARTS,
        parts=parts,
        names=desk.names(name for name, _, _ in parts if name) if cut == "customer" else {},
        left_out=sales.left_out(session, span=picked.span),
        lately=[(count, days.last_days(page.extension(), count)) for count in LATELY],
        copying=session.get(Copying, 1),
        columns=list(Sales().as_dict()),
    )
    return html, 422 if picked.wrong else 200


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
        earlier = {line.day: line.sales for line in then if line.currency == currency}
        pieces = [earlier.get(day, Sales()) for day in picked.span.before().pieces(picked.by)]
        found.append(
            Table(
                currency,
                lines,
                totals.get(currency, Sales()),
                before.get(currency, Sales()),
                chart(currency, lines, pieces),
            )
        )
    return found


def chart(currency: str, lines: Sequence[tuple[date, Sales]], before: Sequence[Sales]) -> charts.Chart:
    """Gross behind net, and the net of the time before as a line."""
    earlier = [sold.net_minor for sold in before][: len(lines)]
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
    """Everything that the page shows, with the comparison or cut by a part."""
    desk.operator()
    picked = choice()
    session = page.extension().session
    head = list(Sales().as_dict())
    part = request.args.get("part")
    if part in sales.PARTS:
        cut = sales.sales_by(session, part, span=picked.span, currency=picked.currency, most=100_000)
        rows = [(name, currency, *sold.as_dict().values()) for name, currency, sold in cut]
        return desk.as_csv(f"sales-by-{part}", [part, "currency", *head], rows)
    lines = sales.sales(
        session, start=picked.span.first, end=picked.span.last, currency=picked.currency, by=picked.by
    )
    by_day = [(line.day.isoformat(), line.currency, *line.sales.as_dict().values()) for line in lines]
    return desk.as_csv("sales", ["day", "currency", *head], by_day)


def credits() -> ResponseReturnValue:
    """Credits by period, and what is owed for them."""
    desk.operator()
    picked = choice()
    lines, total = credit_lines(picked)
    session = page.extension().session
    drawn = charts.columns(
        "Credits sold and given, and spent, by period",
        [day_label(day) for day, _ in lines],
        [
            charts.Series("Sold and given", "gross", [line.sold + line.given for _, line in lines]),
            charts.Series("Spent", "net", [line.spent for _, line in lines]),
        ],
    )
    html = desk.render(
        "credits.html",
        picked=picked,
        lines=lines,
        total=total,
        chart=drawn,
        owed=credit_reports.owed(session),
        worth=credit_reports.worth(session, start=picked.span.first, end=picked.span.last),
        lately=[(count, days.last_days(page.extension(), count)) for count in LATELY],
        columns=list(total.as_dict()),
    )
    return html, 422 if picked.wrong else 200


def credit_lines(picked: Choice) -> tuple[list[tuple[date, credit_reports.Credits]], credit_reports.Credits]:
    found = dict(
        credit_reports.credits(
            page.extension().session, start=picked.span.first, end=picked.span.last, by=picked.by
        )
    )
    total = credit_reports.Credits()
    for line in found.values():
        total.add(line)
    empty = credit_reports.Credits()
    return [(day, found.get(day, empty)) for day in picked.span.pieces(picked.by)], total


def credits_csv() -> Response:
    desk.operator()
    lines, total = credit_lines(choice())
    rows = [(day.isoformat(), *line.as_dict().values()) for day, line in lines]
    return desk.as_csv("credits", ["day", *total.as_dict()], rows)
