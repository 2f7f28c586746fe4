"""Requests about objects that live on a test clock are dated by it."""

from __future__ import annotations

from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.time import clock
from stripe_emulator.core.types import Json

#: What a timestamp may be, and how far the clock can be moved: from 1970 to the year 2200.
LATEST = 7_258_118_400


def check(moment: int, param: str) -> int:
    """:raises InvalidRequest: No moment that a calendar could hold."""
    if not 0 <= moment <= LATEST:
        raise InvalidRequest(f"Invalid timestamp: {moment}", code="parameter_invalid_integer", param=param)
    return moment


def enter(owner: Json) -> None:
    """Date the rest of this request by the test clock of ``owner``, if it lives on one.

    :param owner: A customer, a subscription, or whatever has a ``test_clock``.
    """
    name = owner.get("test_clock")
    if name is not None:
        test_clock = store.find("test_helpers.test_clock", name)
        if test_clock is not None:
            clock.live_on(name, test_clock["frozen_time"])
