"""A request that others overtake: it is held up at one point of its way until they are through."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event, local
from typing import Any

import pytest
from werkzeug.test import TestResponse


def overtaken(
    late: Callable[[], TestResponse],
    meanwhile: Callable[[], Any],
    *,
    before: tuple[Any, str] | None = None,
    after: tuple[Any, str] | None = None,
) -> TestResponse:
    """What a request is answered that is held up once, before or after a function that it calls.

    :param before: A module or a class, and the name of its function.
    """
    place = before or after
    assert place is not None
    function, request = getattr(*place), local()
    arrived, go_on = Event(), Event()

    def hold_up() -> None:
        if getattr(request, "is_late", False):
            request.is_late = False
            arrived.set()
            assert go_on.wait(30)

    def held_up(*given: Any, **terms: Any) -> Any:
        if before is not None:
            hold_up()
        answer = function(*given, **terms)
        if after is not None:
            hold_up()
        return answer

    def send() -> TestResponse:
        request.is_late = True
        return late()

    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(1) as threads:
        patch.setattr(*place, held_up)
        answer = threads.submit(send)
        try:
            assert arrived.wait(30), f"{place[1]} is not on the way of this request"
            meanwhile()
        finally:
            go_on.set()
        return answer.result()
