"""The months of a period that gives its credits month by month: a pure rule of the calendar.

A month begins on the day on which the subscription's periods begin; where it has no such day, on its last
one: 31 January, 28 February, 31 March. https://docs.stripe.com/billing/subscriptions/billing-cycle
"""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime

#: From and until when, in Unix seconds.
Window = tuple[int, int]


def windows(period: Window, parts: int, anchor_at: datetime | None) -> list[Window]:
    """The months of a period; the period itself, where it gives its credits at once.

    :param anchor_at: Its day of the month is the one that periods begin on.
    """
    if parts == 1:
        return [period]
    start = datetime.fromtimestamp(period[0], UTC)
    day = start.day
    if anchor_at is not None and day == min(anchor_at.day, last_day(start.year, start.month)):
        day = anchor_at.day
    begins = [int(shifted(start, number, day).timestamp()) for number in range(parts)]
    return list(zip(begins, [*begins[1:], period[1]], strict=True))


def shifted(start: datetime, months: int, day: int) -> datetime:
    """So many months later, on ``day`` or on the last one that the month has."""
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    return start.replace(year=year, month=month + 1, day=min(day, last_day(year, month + 1)))


def last_day(year: int, month: int) -> int:
    return monthrange(year, month)[1]
