"""Work of an event loop that one task at a time does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any


class OneTask:
    """Does all the work that there is, and ends; whoever brings more wakes it.

    :param work: Goes on until nothing is left.
    """

    def __init__(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._work = work
        self._task: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """Begin the work, unless it is under way."""
        if self._task is None or self._task.done():  # a loop that ends may cancel one that has not begun yet
            self._task = asyncio.get_running_loop().create_task(self._work())
