"""What the plans bring in each month, and what moved it: from the dated changes of subscriptions.

A row of ``SubscriptionChange`` says by how much its owner's monthly revenue moved, so the revenue at any
time is the sum up to then, and between two times every difference has its reason.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ..subscriptions.models import Move, SubscriptionChange
from .days import Span, first_day, next_first_day


@dataclass
class Month:
    """One period in one currency. Amounts per month, in the smallest unit; what takes away is negative.

    ``opening`` + the five moves = ``closing``, and that opens the next. ``customers`` pay at its end, and
    ``lost`` of those who paid at its beginning do not any more.
    """

    first: date
    currency: str
    opening_minor: int = 0
    new_minor: int = 0
    expansion_minor: int = 0
    contraction_minor: int = 0
    churn_minor: int = 0
    reactivation_minor: int = 0
    closing_minor: int = 0
    customers_before: int = 0
    customers: int = 0
    lost: int = 0

    @property
    def churn_rate(self) -> float | None:
        """The part of the customers at its beginning that was lost; ``None`` where there was none."""
        return self.lost / self.customers_before if self.customers_before else None

    @property
    def arpu_minor(self) -> int:
        """Revenue per paying customer and month."""
        return round(self.closing_minor / self.customers) if self.customers else 0

    @property
    def ltv_minor(self) -> int | None:
        """What a customer brings in all at this churn; ``None`` where nobody was lost."""
        return round(self.arpu_minor / self.churn_rate) if self.churn_rate else None

    def as_dict(self) -> dict[str, Any]:
        """As a line of the report, beginning with its first day."""
        shown = {name: value for name, value in asdict(self).items() if name != "first"}
        rate = None if self.churn_rate is None else round(self.churn_rate, 4)
        more = {"churn_rate": rate, "arpu_minor": self.arpu_minor, "ltv_minor": self.ltv_minor}
        return {"day": self.first.isoformat(), **shown, **more}


@dataclass(frozen=True)
class Cohort:
    """Who began to pay in the same month, and how many of them paid at the end of each month since."""

    first: date
    began: int
    paying: list[int]


#: Which column each move belongs to. ``OTHER`` moves nothing.
COLUMNS = {
    Move.NEW: "new_minor",
    Move.EXPANSION: "expansion_minor",
    Move.CONTRACTION: "contraction_minor",
    Move.CHURN: "churn_minor",
    Move.REACTIVATION: "reactivation_minor",
}


def midnight(day: date, zone: str) -> datetime:
    """When a day begins in a time zone."""
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def begin(session: Session, zone: str) -> date | None:
    """The day on which the first plan began to be paid."""
    first = select(func.min(SubscriptionChange.at)).where(SubscriptionChange.mrr_after_minor > 0)
    at = session.scalar(first)
    return at.astimezone(ZoneInfo(zone)).date() if at else None


def currencies(session: Session) -> list[str]:
    """Those that any plan was ever paid in."""
    paid = select(SubscriptionChange.currency).where(SubscriptionChange.mrr_after_minor > 0)
    return sorted(session.scalars(paid.distinct()))


def months(session: Session, span: Span, *, zone: str, currency: str, by: str = "month") -> list[Month]:
    """The monthly revenue at the end of each period in ``span``, and what moved it."""
    starts = span.pieces(by)
    ends = [next_first_day(start, by) for start in starts]
    lines = [Month(start, currency) for start in starts]
    paying: dict[str, int] = {}
    changes = iter(_changes(session, currency, midnight(ends[-1], zone)))
    change = next(changes, None)
    while change is not None and change.at < midnight(starts[0], zone):
        _follow(paying, change)
        change = next(changes, None)
    for line, end in zip(lines, ends, strict=True):
        before = {owner for owner, minor in paying.items() if minor}
        line.opening_minor, line.customers_before = sum(paying.values()), len(before)
        while change is not None and change.at < midnight(end, zone):
            _follow(paying, change)
            if change.move in COLUMNS:
                name = COLUMNS[change.move]
                moved = change.mrr_after_minor - change.mrr_before_minor
                setattr(line, name, getattr(line, name) + moved)
            change = next(changes, None)
        line.closing_minor = sum(paying.values())
        line.customers = sum(1 for minor in paying.values() if minor)
        line.lost = sum(1 for owner in before if not paying[owner])
    return lines


def _changes(session: Session, currency: str, end: datetime) -> list[SubscriptionChange]:
    wanted = select(SubscriptionChange).where(
        SubscriptionChange.currency == currency, SubscriptionChange.at < end
    )
    return list(session.scalars(wanted.order_by(SubscriptionChange.at, SubscriptionChange.id)))


def _follow(paying: dict[str, int], change: SubscriptionChange) -> None:
    moved = change.mrr_after_minor - change.mrr_before_minor
    paying[change.owner] = paying.get(change.owner, 0) + moved


def cohorts(session: Session, span: Span, *, zone: str, currency: str) -> list[Cohort]:
    """By the month in which each owner first paid: how many paid at its end, and at that of each since."""
    changes = _changes(session, currency, midnight(next_first_day(span.last, "month"), zone))
    began: dict[str, date] = {}
    standing: dict[date, dict[str, int]] = {}
    paying: dict[str, int] = {}
    rest = iter(changes)
    change = next(rest, None)
    begin = change.at.astimezone(ZoneInfo(zone)).date() if change else span.first
    for start in Span(first_day(min(begin, span.first), "month"), span.last).pieces("month"):
        while change is not None and change.at < midnight(next_first_day(start, "month"), zone):
            _follow(paying, change)
            if change.mrr_after_minor:
                began.setdefault(change.owner, start)
            change = next(rest, None)
        standing[start] = {owner: minor for owner, minor in paying.items() if minor}
    members: defaultdict[date, list[str]] = defaultdict(list)
    for owner, start in began.items():
        members[start].append(owner)
    return [
        Cohort(
            start,
            len(members[start]),
            [
                sum(owner in there for owner in members[start])
                for at, there in standing.items()
                if at >= start
            ],
        )
        for start in sorted(members)
        if start >= first_day(span.first, "month")
    ]
