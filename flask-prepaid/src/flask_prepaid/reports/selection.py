"""Which part of the books a report is about, as a command's options or a page's address say it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select

from .days import Span

#: The days that one may ask about: no shop was open before, and none is yet.
FIRST, LAST = date(2000, 1, 1), date(2999, 12, 31)


@dataclass(frozen=True)
class Selection:
    """Some days by the shop's calendar, how they are cut into periods, and a currency.

    :param first: The first day; ``None`` is the beginning.
    :param last: The last day; ``None`` is the end.
    :param by: ``day``, ``week`` (from Monday) or ``month``; each line bears the first day of its period.
    :param currency: Only this one; ``None`` is all of them.
    """

    first: date | None = None
    last: date | None = None
    by: str = "day"
    currency: str | None = None

    @property
    def span(self) -> Span:
        """The days of a selection that has both ends."""
        assert self.first is not None, "a selection without a beginning has no span"
        assert self.last is not None, "a selection without an end has no span"
        return Span(self.first, self.last)

    def before(self) -> Selection:
        """The selection of as many days, which end where the days of this one begin."""
        span = self.span.before()
        return Selection(span.first, span.last, self.by, self.currency)

    def within(self, statement: Select[*tuple[Any, ...]], table: Any) -> Select[*tuple[Any, ...]]:
        """Only the rows of these days, both ends included, and of this currency."""
        statement = self.within_days(statement, table)
        return statement if self.currency is None else statement.where(table.currency == self.currency)

    def within_days(self, statement: Select[*tuple[Any, ...]], table: Any) -> Select[*tuple[Any, ...]]:
        """Only the rows of these days, both ends included, of every currency."""
        if self.first is not None:
            statement = statement.where(table.day >= self.first)
        return statement if self.last is None else statement.where(table.day <= self.last)


#: All of the books, by the day.
EVERYTHING = Selection()


def read_day(text: str) -> date:
    """
    :raises ValueError: It is no day, or one that no shop was open on. The message says it to people.
    """
    wrong = ValueError(f"Write a day such as 2026-01-31, from {FIRST} to {LAST}.")
    if not (text.isascii() and len(text) == 10):
        raise wrong
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise wrong from None
    if not FIRST <= day <= LAST:
        raise wrong
    return day
