"""Work on parts of the books in several processes, each with connections of its own."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import TypeVar

from sqlalchemy import Engine

from ..checks import is_whole

Part = TypeVar("Part")
Result = TypeVar("Result")

_engines: list[tuple[Engine, ...]] = []


def each(
    engines: tuple[Engine, ...],
    work: Callable[[tuple[Engine, ...], Part], Result],
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
        yield from ((place, work(engines, part)) for place, part in enumerate(parts))
        return
    if "fork" not in multiprocessing.get_all_start_methods():
        raise ValueError("jobs has to be 1 on this system, which cannot fork a process")
    forking = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(jobs, mp_context=forking, initializer=_begin, initargs=(engines,)) as pool:
        places = {pool.submit(_work, work, part): place for place, part in enumerate(parts)}
        for done in as_completed(places):
            yield places.pop(done), done.result()


def _begin(engines: tuple[Engine, ...]) -> None:
    """Forget the connections that were forked with us: they are our parent's."""
    for engine in engines:
        engine.dispose(close=False)
    _engines[:] = [engines]


def _work(work: Callable[[tuple[Engine, ...], Part], Result], part: Part) -> Result:
    return work(_engines[0], part)
