"""Days by the shop's own calendar, and the periods that they make."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from ..context import Context
from .models import DaySum

#: Up to when things are done is kept no finer.
MINUTE = timedelta(minutes=1)

#: How a report may be cut into lines.
CUTS = ("day", "week", "month")


@dataclass(frozen=True)
class Span:
    """From ``first`` to ``last``, both included."""

    first: date
    last: date

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    def before(self) -> Span:
        """The span of the same length that ends where this one begins."""
        return Span(self.first - timedelta(days=self.days), self.first - timedelta(days=1))

    def pieces(self, by: str) -> list[date]:
        """The first day of each day, week or month that the span touches, in order."""
        starts = [first_day(self.first, by)]
        while (following := next_first_day(starts[-1], by)) <= self.last:
            starts.append(following)
        return starts


def day_of(at: datetime, zone: str) -> date:
    """The day of a moment in a time zone."""
    return at.astimezone(ZoneInfo(zone)).date()


def midnight(day: date, zone: str) -> datetime:
    """When a day begins in a time zone."""
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def first_day(day: date, by: str) -> date:
    """The first day of the week (a Monday) or month that ``day`` lies in; itself by ``day``."""
    if by == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if by == "month" else day


def next_first_day(day: date, by: str) -> date:
    """The first day of the piece after the one that begins with ``day``."""
    if by == "month":
        return (day.replace(day=28) + timedelta(days=4)).replace(day=1)
    return day + timedelta(days=7 if by == "week" else 1)


def today(context: Context) -> date:
    """The last day worth showing: today, or that of the latest movement where Stripe's clock is ahead."""
    now = day_of(context.clock(), context.config.time_zone)
    latest = context.session.scalar(select(func.max(DaySum.day)))
    return max(now, latest) if latest else now


def last_days(context: Context, days: int) -> Span:
    """The span of so many days that ends today."""
    last = today(context)
    return Span(last - timedelta(days=days - 1), last)
