"""Everything that reports add up is counted on: credits, plans, and failures that are settled."""

from __future__ import annotations

import math
from datetime import timedelta
from time import monotonic

from ...context import Context
from . import credit_sums, failure_sums, plan_sums


def catch_up(context: Context, *, max_time: timedelta | None = None) -> None:
    """Count what has moved up to now, of credits and of plans, and failures that are settled. Commits.

    It comes to its end however fast others sell meanwhile. Safe in several processes at once.

    :param max_time: Leave the rest to the next time after so long.
    """
    until_s = monotonic() + max_time.total_seconds() if max_time is not None else math.inf
    for count_some in (plan_sums.count, failure_sums.count):
        while count_some(context):
            if monotonic() > until_s:
                return
    credit_sums.count_wallets(context, until_s)
