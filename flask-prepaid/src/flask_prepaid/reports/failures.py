"""Payments that failed in a period, of packs and of plans, and what came of them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass, fields
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select

from ..context import Context
from . import uncounted_failures
from .days import day_of, first_day, midnight
from .models import FailureSum
from .selection import EVERYTHING, Selection


@dataclass
class Failures:
    """Payments that failed in a period, in one currency. Of plans, what their invoices asked for.

    What is neither recovered nor lost may still be either.
    """

    failed: int = 0
    failed_minor: int = 0
    recovered: int = 0
    recovered_minor: int = 0
    lost: int = 0
    lost_minor: int = 0

    @property
    def recovery_rate(self) -> float | None:
        """The part of them that was recovered; ``None`` where nothing failed."""
        return self.recovered / self.failed if self.failed else None

    def add(self, amount_minor: int, *, recovered: bool, lost: bool) -> None:
        self.failed += 1
        self.failed_minor += amount_minor
        if recovered:
            self.recovered += 1
            self.recovered_minor += amount_minor
        elif lost:
            self.lost += 1
            self.lost_minor += amount_minor

    def join(self, other: Failures) -> None:
        for name in MEASURES:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def as_dict(self) -> dict[str, Any]:
        rate = self.recovery_rate
        return {**asdict(self), "recovery_rate": None if rate is None else round(rate, 4)}


#: What is added up.
MEASURES = tuple(field.name for field in fields(Failures))


def failures(context: Context, selection: Selection = EVERYTHING) -> list[tuple[date, str, Failures]]:
    """What failed in each period that saw anything, by period and currency.

    What is counted is read from its sums, and what came lately, or waits for its end, one by one.
    """
    session, now, zone = context.session, context.clock(), context.config.time_zone
    lines: defaultdict[tuple[date, str], Failures] = defaultdict(Failures)
    counted = select(FailureSum.day, FailureSum.currency, *(getattr(FailureSum, name) for name in MEASURES))
    for day, currency, *sums in session.execute(selection.within_days(counted, FailureSum)):
        lines[first_day(day, selection.by), currency].join(Failures(*sums))
    since = midnight(selection.first, zone) if selection.first else None
    until = midnight(selection.last + timedelta(days=1), zone) if selection.last else None
    for failure in (
        *uncounted_failures.payments(session, now, since=since, until=until),
        *uncounted_failures.renewals(session, since=since, until=until),
    ):
        line = lines[first_day(day_of(failure.at, zone), selection.by), failure.currency]
        line.add(failure.amount_minor, recovered=failure.recovered, lost=failure.lost)
    return [
        (day, currency, lines[day, currency])
        for day, currency in sorted(lines)
        if selection.currency in (None, currency)
    ]


def totals(lines: list[tuple[date, str, Failures]]) -> dict[str, Failures]:
    """The sums per currency."""
    sums: defaultdict[str, Failures] = defaultdict(Failures)
    for _, currency, line in lines:
        sums[currency].join(line)
    return dict(sorted(sums.items()))
