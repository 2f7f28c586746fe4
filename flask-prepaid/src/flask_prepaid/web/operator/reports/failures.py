"""Failed payments by period, and those recovered: a table for each currency, and a chart."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from ....reports import failures
from ....reports.failures import Failures
from ....reports.selection import Selection
from .. import page
from . import charts, period


@dataclass(frozen=True)
class Table:
    """The failures of one currency: a line for each period, the total, and that of the time before."""

    currency: str
    lines: list[tuple[date, Failures]]
    total: Failures
    before: Failures
    chart: charts.Chart


def tables(selection: Selection) -> list[Table]:
    """One table per currency in which a payment failed in the span or before it."""
    context = page.context()
    rows = failures.failures(context, selection)
    now, then = failures.totals(rows), failures.totals(failures.failures(context, selection.before()))
    made = []
    for currency in sorted(now.keys() | then.keys()):
        failed = {day: line for day, of_currency, line in rows if of_currency == currency}
        lines = [(day, failed.get(day, Failures())) for day in selection.span.pieces(selection.by)]
        made.append(
            Table(
                currency,
                lines,
                now.get(currency, Failures()),
                then.get(currency, Failures()),
                chart(currency, lines),
            )
        )
    return made


def chart(currency: str, lines: list[tuple[date, Failures]]) -> charts.Chart:
    return charts.columns(
        f"Failed payments in {currency.upper()} by period, and those recovered",
        [period.day_label(day) for day, _ in lines],
        [
            charts.Series("Failed", "gross", [line.failed for _, line in lines]),
            charts.Series("Recovered", "net", [line.recovered for _, line in lines]),
        ],
    )
