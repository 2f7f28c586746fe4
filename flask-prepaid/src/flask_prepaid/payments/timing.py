"""How long a request to Stripe may take, and when to ask what came of it."""

from __future__ import annotations

from datetime import datetime, timedelta

from prepaid_ledger import clock

from ..config import Config

#: How long a request may be on its way to Stripe, with all its repeats.
IN_FLIGHT = timedelta(minutes=5)

#: The longest wait between two checks.
LONGEST_WAIT = timedelta(hours=1)


def first_check(config: Config) -> datetime:
    """When Stripe is asked about what was just requested, by the wall clock."""
    return clock.wall() + config.check_after


def next_check(config: Config, checks: int) -> datetime:
    """When Stripe is asked once more, after so many checks: the wait doubles each time, up to an hour."""
    wait: timedelta = config.check_after * 2 ** min(checks + 1, 12)
    return clock.wall() + min(wait, LONGEST_WAIT)
