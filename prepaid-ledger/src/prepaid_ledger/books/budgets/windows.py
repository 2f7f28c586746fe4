"""The calendar windows of budgets: days, weeks and months as a zone's clocks have them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from ...tables import Every


class Window(NamedTuple):
    """From ``start`` up to, and not including, ``end``; both are ``None`` for ever."""

    start: datetime | None
    end: datetime | None


def window_of(every: Every, zone: str, at: datetime) -> Window:
    """The window that ``at`` lies in. It begins at midnight; a week on Monday.

    A day is 23 or 25 hours long where the zone's clocks are moved in it.
    """
    if every is Every.EVER:
        return Window(None, None)
    clocks = zone_of(zone)
    today = at.astimezone(clocks).date()
    if every is Every.DAY:
        first, last = today, today + timedelta(days=1)
    elif every is Every.WEEK:
        first = today - timedelta(days=today.weekday())
        last = first + timedelta(days=7)
    else:
        first = today.replace(day=1)
        last = (first + timedelta(days=31)).replace(day=1)
    return Window(midnight(first, clocks), midnight(last, clocks))


def midnight(day: date, clocks: ZoneInfo) -> datetime:
    """When the day begins, in UTC. Where its clocks skip midnight it is the moment at which they do."""
    return datetime.combine(day, time(), clocks).astimezone(UTC)


def zone_of(name: str) -> ZoneInfo:
    """The zone of a name.

    :raises ValueError: There is none of this name, or this machine has no zones at all.
    """
    try:
        return _zone(name)
    except (KeyError, ValueError, OSError, TypeError) as error:
        raise ValueError(
            f"zone is the name of a time zone, such as Europe/Berlin, not {name!r}; where a machine knows "
            "none but UTC, install the package tzdata"
        ) from error


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
