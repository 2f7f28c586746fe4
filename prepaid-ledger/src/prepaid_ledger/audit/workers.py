"""Work on parts of the books in several processes, each with connections of its own."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import NamedTuple, TypeVar

from sqlalchemy import Engine

from ..checks import is_whole
from ..clock import Clock

Part = TypeVar("Part")
Result = TypeVar("Result")


class Means(NamedTuple):
    """What every part is worked on with. A process has it from the one that it was forked of."""

    engines: tuple[Engine, ...]
    clock: Clock


_means: list[Means] = []


def each(
    means: Means,
    work: Callable[[Means, Part], Result],
    parts: Sequence[Part],
    jobs: int,
) -> Iterator[tuple[int, Result]]:
    """What ``work`` makes of each part, with the place of the part; by ``jobs`` processes at once.

    What is done first comes first, so that no result waits in memory for an earlier part that takes long.

    :param work: A function of a module, which a process can be told by its name.
    :raises ValueError: ``jobs`` is less than 1, or more where a process can't be forked.
    """
    if not is_whole(jobs, 1):
        raise ValueError(f"jobs is how many processes work at once, 1 or more, not {jobs!r}")
    if jobs == 1:
        yield from ((place, work(means, part)) for place, part in enumerate(parts))
        return
    if "fork" not in multiprocessing.get_all_start_methods():
        raise ValueError("jobs has to be 1 on this system, which cannot fork a process")
    forking = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(jobs, mp_context=forking, initializer=_begin, initargs=(means,)) as pool:
        places = {pool.submit(_work, work, part): place for place, part in enumerate(parts)}
        for done in as_completed(places):
            yield places.pop(done), done.result()


def _begin(means: Means) -> None:
    """Forget the connections that were forked with us: they are our parent's."""
    for engine in means.engines:
        engine.dispose(close=False)
    _means[:] = [means]


def _work(work: Callable[[Means, Part], Result], part: Part) -> Result:
    return work(_means[0], part)
