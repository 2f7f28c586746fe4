"""The period that an operator picks for a report, read from the address of the page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import request

from ....context import Context
from ....reports import days, sales
from ....reports.days import CUTS, Span
from ....reports.selection import Selection, read_day
from ... import forms

#: The longest span that is shown at once.
MAX_DAYS = 3_660

#: Ready-made spans, in days, and the one that is shown where none was picked.
READY_MADE = (7, 30, 90, 365)
DEFAULT = 30


@dataclass(frozen=True)
class Choice:
    """What the picker says. ``wrong`` is why its days were not taken.

    ``by`` is how the operator cuts the days; ``None`` where their number decides it.
    """

    selection: Selection
    by: str | None = None
    wrong: str | None = None

    @property
    def status(self) -> int:
        return 422 if self.wrong else 200

    def currencies(self, context: Context) -> list[str]:
        """What there is to choose among: what is for sale, what ever was sold, and what is chosen."""
        chosen = {self.selection.currency} if self.selection.currency else set()
        for_sale = {context.catalog.currency, *context.catalog.currencies}
        return sorted(sales.currencies(context.session) | for_sale | chosen)

    def shown(self, context: Context, ready_made: tuple[int, ...] = READY_MADE) -> dict[str, Any]:
        """What the picker's template needs."""
        return {
            "selection": self.selection,
            "currencies": self.currencies(context),
            "chosen_by": self.by,
            "wrong": self.wrong,
            "ready_made": [(count, days.last_days(context, count)) for count in ready_made],
        }


def choice(context: Context, *, default_days: int = DEFAULT, default_by: str | None = None) -> Choice:
    """What was picked; the last days where nothing or nonsense was.

    :param default_by: How the days are cut where nothing was picked; ``None`` is by their number.
    """
    first, last = request.args.get("from", ""), request.args.get("to", "")
    by = request.args.get("by")
    by = by if by in CUTS else None
    currency = forms.line(request.args, "currency", max_length=3)
    wrong = None
    span = days.last_days(context, default_days)
    if first or last:
        try:
            span = span_of(first, last)
        except ValueError as error:
            wrong = str(error)
            span = days.last_days(context, DEFAULT)
    cut = by or default_by or cut_of(span)
    return Choice(Selection(span.first, span.last, cut, currency or None), by, wrong)


def span_of(first: str, last: str) -> Span:
    """
    :raises ValueError: They are not two days in order, or too far apart. The message says it to people.
    """
    wrong = f"Pick two days, the first before the last, at most {MAX_DAYS:,} days apart."
    try:
        span = Span(read_day(first), read_day(last))
    except ValueError:
        raise ValueError(wrong) from None
    if not 1 <= span.days <= MAX_DAYS:
        raise ValueError(wrong)
    return span


def cut_of(span: Span) -> str:
    """The period that a span is cut into, so that a table stays readable."""
    return "day" if span.days <= 62 else "week" if span.days <= 370 else "month"


def day_label(day: date) -> str:
    """A day below a chart."""
    return f"{day.day} {day:%b %y}"
