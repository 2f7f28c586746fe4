"""Requests about objects that live on a test clock are dated by it."""

from __future__ import annotations

from stripe_emulator import store
from stripe_emulator.clock import TEST_CLOCK
from stripe_emulator.store import Json


def enter(owner: Json) -> None:
    """Date the rest of this request by the test clock of ``owner``, if it lives on one.

    :param owner: A customer, a subscription, or whatever has a ``test_clock``.
    """
    name = owner.get("test_clock")
    if name is not None:
        clock = store.find("test_helpers.test_clock", name)
        if clock is not None:
            store.current().now = clock["frozen_time"]
            store.current().memo[TEST_CLOCK] = name
