"""Stripe's time, which can be moved.

``now()`` dates every object. ``wall()`` is the time outside; only webhook signatures use it,
since the receiver compares them with its own clock.
"""

from __future__ import annotations

import calendar
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from stripe_emulator.core.database import store, transactions
from stripe_emulator.core.database.settings import get_setting, put_setting
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.types import Json

DAY = 24 * 60 * 60

#: What a timestamp may be, and how far the clock can be moved: from 1970 to the year 2200.
LATEST = 7_258_118_400

#: Where a transaction that lives on a test clock remembers which one, and the account's own time.
TEST_CLOCK, ACCOUNT_TIME = "test_clock", "account_time"


def now() -> int:
    """Unix time at Stripe, the same throughout a transaction."""
    return transactions.current().now


def account_now() -> int:
    """Unix time of the account, also in work that lives on a test clock: events and answers go by it."""
    moment: int = transactions.current().memo.get(ACCOUNT_TIME, now())
    return moment


def live_on(test_clock: str, moment: int) -> None:
    """Date the rest of this transaction by a test clock that stands at ``moment``."""
    transaction = transactions.current()
    transaction.memo.setdefault(ACCOUNT_TIME, transaction.now)
    transaction.memo[TEST_CLOCK] = test_clock
    transaction.now = moment


def live_with(owner: Json) -> None:
    """Date the rest of this request by the test clock of ``owner``, if it lives on one.

    :param owner: A customer, a subscription, or whatever has a ``test_clock``.
    """
    name = owner.get("test_clock")
    if name is not None:
        test_clock = store.find("test_helpers.test_clock", name)
        if test_clock is not None:
            live_on(name, test_clock["frozen_time"])


def wall() -> int:
    """Unix time outside of the emulator."""
    return int(time.time())


@contextmanager
def at(moment: int) -> Iterator[None]:
    """Date what the block does by another moment, such as a test clock's."""
    transaction = transactions.current()
    before, transaction.now = transaction.now, moment
    try:
        yield
    finally:
        transaction.now = before


def add_months(moment: int, months: int) -> int:
    """A moment so many months later, on the same day and at the same time.

    Where that month is too short, it is the last day.
    """
    then = datetime.fromtimestamp(moment, UTC)
    year, month = divmod(then.year * 12 + then.month - 1 + months, 12)
    day = min(then.day, calendar.monthrange(year, month + 1)[1])
    return int(then.replace(year=year, month=month + 1, day=day).timestamp())


def month_index(moment: int) -> int:
    """Months since the year 0, January being 1, so that months compare as numbers."""
    then = datetime.fromtimestamp(moment, UTC)
    return then.year * 12 + then.month


def move(to: int) -> None:
    """Set the global clock without running anything. Never backwards."""
    outside = transactions.current().store.wall()
    if to > outside + get_setting("offset", 0):
        put_setting("offset", to - outside)
        transactions.current().wakes = True


def set_to(moment: int) -> None:
    """Start the global clock at a moment, past or future; for an empty account."""
    put_setting("offset", moment - transactions.current().store.wall())
    transactions.current().now = moment


def check(moment: int, param: str) -> int:
    """:raises InvalidRequest: No moment that a calendar could hold."""
    if not 0 <= moment <= LATEST:
        raise InvalidRequest(f"Invalid timestamp: {moment}", code="parameter_invalid_integer", param=param)
    return moment
