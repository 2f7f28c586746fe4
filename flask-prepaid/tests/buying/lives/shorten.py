"""A life that went wrong, made as short as it can be and still go wrong in the same way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from .steps import Drawn, Step

#: What is wrong with a life; ``None`` if nothing.
Judge = Callable[[Drawn], str | None]


def shorten(drawn: Drawn, judge: Judge, *, max_tries: int = 200) -> Drawn:
    """Leave out halves, quarters, and single steps, as long as what is left goes wrong.

    :param judge: Lives it anew each time.
    """
    steps, tries, size = list(drawn.steps), 0, max(1, len(drawn.steps) // 2)
    while size >= 1 and tries < max_tries:
        shorter = next(
            (
                left
                for start in range(0, len(steps), size)
                if (left := _without(steps, start, size)) and judge(replace(drawn, steps=tuple(left)))
            ),
            None,
        )
        tries += 1
        if shorter is not None:
            steps = shorter
            size = min(size, max(1, len(steps) // 2))
        elif size == 1:
            break
        else:
            size //= 2
    return replace(drawn, steps=tuple(steps))


def _without(steps: list[Step], start: int, size: int) -> list[Step]:
    return steps[:start] + steps[start + size :]
