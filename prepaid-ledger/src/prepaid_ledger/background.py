"""Work of an event loop that goes on though its caller was cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")

#: An event loop itself keeps only weak references to tasks.
_tasks: set[asyncio.Task[Any]] = set()


def in_background(work: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
    """Begin ``work``. Whoever awaits it by ``asyncio.shield`` may be cancelled: it is done all the same."""
    task = asyncio.ensure_future(work)
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)
    return task
