"""The chart of the usage: a bar for each hour, day or week, with a part for each key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask_prepaid.languages import formats

from . import totals
from .choice import Choice
from .totals import Per, Share

#: Keys that have a colour of their own; what the others drew shares the last one.
COLOURS = 5

#: How many times the axis is divided, and how many times stand below the chart at most.
TICKS = 4
LABELS = 5

STEPS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7)}


@dataclass(frozen=True)
class Bar:
    """One hour, day or week: what each key drew, from the bottom up."""

    at: datetime
    label: str
    parts: list[Share]
    total: totals.Total


@dataclass(frozen=True)
class Chart:
    """The bars, the numbers beside the axis from the top down, and the times below; ``top`` ends the axis."""

    bars: list[Bar]
    ticks: list[int]
    labels: list[str]
    top: int
    most: int


def chart(choice: Choice, shares: Sequence[Share], by_key: Sequence[Share]) -> Chart:
    """The key that drew most of all is the lowest part of each bar."""
    rank = {share.key_id: n for n, share in enumerate(by_key)}
    step = STEPS[choice.per]
    at, end = begin_of(totals.begin_of(choice.first), choice.per), totals.begin_of(choice.last) + STEPS["day"]
    parts: dict[datetime, list[Share]] = {}
    while at < end:
        parts[at] = []
        at += step
    for share in sorted(shares, key=lambda share: rank[share.key_id]):
        assert share.at is not None, "a chart is made of shares that have a time"
        parts[begin_of(share.at, choice.per)].append(share)
    bars = [Bar(at, label(at, choice.per), added_up(parts[at]), totals.Total.over(parts[at])) for at in parts]
    most = max(bar.total.credits for bar in bars)
    top = round_up(most)
    ticks = [top * n // TICKS for n in range(TICKS, -1, -1)] if top >= TICKS else list(range(top, -1, -1))
    return Chart(bars, ticks, labels(bars), top, most)


def begin_of(at: datetime, per: Per) -> datetime:
    """When the hour, day or week of a time begins; a week on Monday."""
    return at - timedelta(days=at.weekday()) if per == "week" else at


def added_up(shares: Sequence[Share]) -> list[Share]:
    """A part for each key, in the order that they have: a week has the same key on several days."""
    keys: dict[int | None, list[Share]] = {}
    for share in shares:
        keys.setdefault(share.key_id, []).append(share)
    return [totals.sum_of_key(of_key) for of_key in keys.values()]


def label(at: datetime, per: Per) -> str:
    """``23 Nov`` or ``23 Nov, 08:00``; a week is named by its first day."""
    day = formats.day_of_month(at)
    return f"{day}, {formats.clock(at)}" if per == "hour" else day


def labels(bars: Sequence[Bar]) -> list[str]:
    """A few of the bars' times, the first and the last among them."""
    count = min(LABELS, len(bars))
    if count < 2:
        return [bar.label for bar in bars]
    return [bars[n * (len(bars) - 1) // (count - 1)].label for n in range(count)]


def round_up(most: int) -> int:
    """The next number that divides well: 4, 8, 20, 40, 80, 200, and so on."""
    if most < TICKS:
        return max(most, 1)
    size = 1
    while True:
        for top in (4 * size, 8 * size, 20 * size):
            if most <= top:
                return top
        size *= 10


def colours(by_key: Sequence[Share]) -> dict[int | None, int]:
    """The number of each key's colour, from 1."""
    return {share.key_id: min(n, COLOURS) for n, share in enumerate(by_key, 1)}
