"""Lives by their seeds: lived, judged, made short, told."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace

from flask_prepaid.testing import Databases

from .compare import compare, compare_credits
from .life import Life
from .shorten import shorten
from .steps import Drawn, Step, draw_life
from .world import Place


@dataclass(frozen=True)
class Wrong:
    """A life that went wrong, as short as it can be told."""

    seed: int
    kind: str
    drawn: Drawn
    reason: str

    def story(self) -> str:
        numbers = ",".join(str(step.number) for step in self.drawn.steps)
        lines = [
            f"Life {self.seed} on {self.kind} goes wrong. It begins at {self.drawn.start}"
            f"{', by invoice' if self.drawn.invoices else ''}:",
            *map(str, self.drawn.steps),
            f"    {self.reason}",
            f"Again: ./dev campaign lives --seed {self.seed} --lives 1 --only {numbers}"
            + (f" --theme {self.drawn.theme}" if self.drawn.theme else "")
            + (" --postgresql" if self.kind == "postgresql" else ""),
        ]
        return "\n".join(lines)


class Judge:
    """Lives lives, each in a shop that is empty; there is one that makes invoices, and one that does not."""

    def __init__(self, databases: Databases, kind: str) -> None:
        self.databases, self.kind = databases, kind
        self.places: dict[bool, Place] = {}

    def __call__(self, drawn: Drawn) -> str | None:
        """What went wrong, if anything."""
        if drawn.invoices not in self.places:
            self.places[drawn.invoices] = Place(self.databases, self.kind, invoices=drawn.invoices)
        return judge(self.places[drawn.invoices], drawn)

    def close(self) -> None:
        for place in self.places.values():
            place.close()


def judge(place: Place, drawn: Drawn) -> str | None:
    """Live it; what went wrong, if anything."""
    life = Life(place.begin(drawn.start))
    step: Step | None = None
    try:
        for step in drawn.steps:
            life.live(step)
            compare_credits(life)
        compare(life)
    except Exception as wrong:
        return f"after step {step.number if step else 0}: {type(wrong).__name__}: {wrong}"
    return None


def first_wrong(
    databases: Databases,
    kind: str,
    seeds: Iterable[int],
    *,
    short: bool = True,
    only: set[int] | None = None,
    theme: str | None = None,
) -> Wrong | None:
    """The first of these lives that goes wrong; made short, if wanted.

    :param only: Live these steps alone.
    :param theme: What all of them are about.
    """
    with without_logs(), closing(Judge(databases, kind)) as judge:
        for seed in seeds:
            drawn = draw_life(seed, theme)
            if only is not None:
                steps = tuple(step for step in drawn.steps if step.number in only)
                drawn = replace(drawn, steps=steps)
            reason = judge(drawn)
            if reason is None:
                continue
            if short:
                drawn = shorten(drawn, judge)
                reason = judge(drawn) or reason
            return Wrong(seed, kind, drawn, reason)
    return None


@contextmanager
def without_logs() -> Iterator[None]:
    """Lives are full of refusals: none of them is logged until the end of the block."""
    log = logging.getLogger("flask_prepaid")
    before = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(before)
