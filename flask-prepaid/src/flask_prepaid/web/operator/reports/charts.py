"""Charts as the server draws them: where each bar, mark and label goes. The template writes the SVG.

Lengths are in the units of a view box of ``WIDTH`` by ``HEIGHT``, which the page stretches; labels stand
beside it as text, so that they keep their size on a phone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

WIDTH = 1000
HEIGHT = 240

#: How much of a column's place its bars fill.
FILLED = 0.72

#: How many words fit below a chart on a phone.
LABELS = 3


@dataclass(frozen=True)
class Bar:
    x: float
    y: float
    width: float
    height: float
    style: str
    title: str


@dataclass(frozen=True)
class Tick:
    """A line across the chart, and the words beside it."""

    y: float
    label: str


@dataclass(frozen=True)
class Chart:
    """``marks`` is the path of the marks, of an SVG. ``labels`` are spread evenly below."""

    title: str
    bars: list[Bar]
    marks: str
    ticks: list[Tick]
    labels: list[str]
    baseline: float
    legend: list[tuple[str, str]]
    width: int = WIDTH
    height: int = HEIGHT


@dataclass(frozen=True)
class Series:
    """One number per column. ``style`` is the CSS class of its bars or marks."""

    name: str
    style: str
    values: Sequence[int]


def columns(
    title: str,
    labels: Sequence[str],
    bars: Sequence[Series],
    *,
    marked: Series | None = None,
    show: Callable[[int], str] = "{:,}".format,
    stacked: bool = False,
) -> Chart:
    """A column for each label: bars behind each other, the first at the back, or on top of each other.

    Stacked, what is negative hangs below zero.

    :param marked: What a mark across each column shows. A line from column to column would invent what lies
        between them.
    :param show: A number as people read it.
    """
    shown = [*bars, *([marked] if marked else [])]
    heights = stacks([series.values for series in bars]) if stacked else []
    steps = scale([0, *heights, *(value for series in shown for value in series.values)])
    low, high = steps[0], steps[-1]

    def y_of(value: float) -> float:
        return round(HEIGHT * (high - value) / (high - low), 2)

    step = WIDTH / max(len(labels), 1)
    drawn = [
        bar
        for n, label in enumerate(labels)
        for bar in column(n, label, bars, step=step, y_of=y_of, show=show, stacked=stacked)
    ]
    side = step * (1 - FILLED) / 2
    marks = [
        f"M{round(n * step + side, 2)},{y_of(value)}h{round(step * FILLED, 2)}"
        for n, value in enumerate(marked.values if marked else ())
        if value
    ]
    return Chart(
        title=title,
        bars=[bar for bar in drawn if bar.height],
        marks="".join(marks),
        ticks=[Tick(y_of(value), show(value)) for value in reversed(steps)],
        labels=thinned(labels),
        baseline=y_of(0),
        legend=[(series.name, series.style) for series in shown],
    )


def column(
    n: int,
    label: str,
    bars: Sequence[Series],
    *,
    step: float,
    y_of: Callable[[float], float],
    show: Callable[[int], str],
    stacked: bool,
) -> Iterator[Bar]:
    """The bars of one column, of which each takes ``step`` of the width."""
    floors = {True: 0, False: 0}  # what goes down has a stack of its own
    for depth, series in enumerate(bars):
        value = series.values[n]
        floor = floors[value > 0]
        top, bottom = sorted((y_of(floor), y_of(floor + value)))
        width = step * (FILLED if stacked or depth == 0 else FILLED * 0.6)
        yield Bar(
            x=round(n * step + (step - width) / 2, 2),
            y=top,
            width=round(width, 2),
            height=round(bottom - top, 2),
            style=series.style,
            title=f"{label}: {series.name} {show(value)}",
        )
        floors[value > 0] += value if stacked else 0


def stacks(series: Sequence[Sequence[int]]) -> list[int]:
    """How high and how low each column goes, with its bars on top of each other."""
    columns = list(zip(*series, strict=True))
    return [sum(value for value in values if (value > 0) is up) for values in columns for up in (True, False)]


def scale(numbers: Sequence[int]) -> list[int]:
    """Two to five round numbers, evenly apart, that hold all ``numbers`` and zero."""
    low, high = min(*numbers, 0), max(*numbers, 0)
    if low == high:
        return [0, 1]
    size = 1
    while True:
        for step in (size, 2 * size, 5 * size):
            first, last = low // step, -(-high // step)
            if last - first <= 4:
                return [step * n for n in range(first, last + 1)]
        size *= 10


def thinned(labels: Sequence[str]) -> list[str]:
    """The first, the last, and as many between them as there is room for."""
    if len(labels) <= LABELS:
        return list(labels)
    apart = (len(labels) - 1) / (LABELS - 1)
    return [labels[round(n * apart)] for n in range(LABELS)]
