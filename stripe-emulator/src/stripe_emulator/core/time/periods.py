"""Where billing periods begin and end. Moments are Unix seconds, days are those of UTC.

Every boundary is counted from the billing cycle anchor and not from the boundary before it, so
that an anchor on the 31st gives 28 February and then 31 March.
https://docs.stripe.com/billing/subscriptions/billing-cycle
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import UTC, datetime

from stripe_emulator.core.time.clock import DAY, add_months
from stripe_emulator.core.types import Json

SECONDS = {"day": DAY, "week": 7 * DAY}
MONTHS = {"month": 1, "year": 12}
UNITS = (*SECONDS, *MONTHS)


@dataclass(frozen=True)
class Interval:
    """``count`` days, weeks, months or years."""

    unit: str
    count: int = 1

    def after(self, moment: int, times: int = 1) -> int:
        """The moment so many intervals later, or earlier where ``times`` is negative."""
        if self.unit in SECONDS:
            return moment + SECONDS[self.unit] * self.count * times
        return add_months(moment, MONTHS[self.unit] * self.count * times)

    def around(self, moment: int, anchor: int) -> tuple[int, int]:
        """The period that ``moment`` lies in, where periods start at ``anchor`` and its repeats.

        A moment on a boundary belongs to the period that starts there.
        """
        times = self._estimate(moment - anchor)
        while self.after(anchor, times) > moment:
            times -= 1
        while self.after(anchor, times + 1) <= moment:
            times += 1
        return self.after(anchor, times), self.after(anchor, times + 1)

    def _estimate(self, seconds: int) -> int:
        """How many intervals that is, off by a few at most; ``around`` walks the rest."""
        month = 2_629_746
        length = SECONDS[self.unit] if self.unit in SECONDS else MONTHS[self.unit] * month
        return seconds // (length * self.count)

    def __str__(self) -> str:
        """The interval as Stripe writes it behind a price: ``month``, ``every 3 months``."""
        return self.unit if self.count == 1 else f"every {self.count} {self.unit}s"


def of_price(price: Json) -> Interval:
    """The interval of a recurring price."""
    recurring = price["recurring"]
    return Interval(recurring["interval"], recurring["interval_count"])


def next_day_of_month(moment: int, config: dict[str, int]) -> int:
    """The next moment that matches ``billing_cycle_anchor_config``; a short month has its last day."""
    then = datetime.fromtimestamp(moment, UTC)
    time = {part: config.get(part, getattr(then, part)) for part in ("hour", "minute", "second")}
    month = config.get("month") or then.month
    first = then.replace(month=month, day=1, **time)
    step = 12 if "month" in config else 1
    for number in range(3):
        month_start = add_months(int(first.timestamp()), number * step)
        start_day = datetime.fromtimestamp(month_start, UTC)
        last = calendar.monthrange(start_day.year, start_day.month)[1]
        candidate = month_start + (min(config["day_of_month"], last) - 1) * DAY
        if candidate > moment:
            return candidate
    raise AssertionError("one of three months lies ahead")
