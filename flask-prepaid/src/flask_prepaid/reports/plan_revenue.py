"""What the plans bring in each month, and what moved it: from the dated changes of subscriptions.

A row of ``SubscriptionChange`` says by how much its owner's monthly revenue moved, so the revenue at any
time is the sum up to then, and between two times every difference has its reason. Only the sums that
``sums/plan_sums.py`` keeps are read here.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import asdict, dataclass, replace
from datetime import date
from itertools import accumulate
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ..context import Context
from ..subscriptions.models import Move
from .days import Span, first_day, next_first_day, today
from .models import CohortSum, PlanSum
from .selection import Selection


@dataclass
class Month:
    """One period in one currency. Amounts per month, in the smallest unit; what takes away is negative.

    ``opening`` + the five moves = ``closing``, and that opens the next. ``customers`` pay at its end;
    ``lost`` ceased to in this period, also those who came back in it.
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
        """The customers lost, over those at its beginning; ``None`` where there was none."""
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
        """A line of the report, which begins with the first day of the period."""
        shown = {name: value for name, value in asdict(self).items() if name != "first"}
        rate = None if self.churn_rate is None else round(self.churn_rate, 4)
        more = {"churn_rate": rate, "arpu_minor": self.arpu_minor, "ltv_minor": self.ltv_minor}
        return {"day": self.first.isoformat(), **shown, **more}


#: The columns of a cohort's lines.
COHORT = ("began", "currency", "newcomers", "month_no", "paying")


@dataclass(frozen=True)
class Cohort:
    """Who began to pay in the same month, and how many of them paid at the end of each month since."""

    first: date
    began: int
    paying: list[int]

    def rows(self, currency: str) -> list[dict[str, Any]]:
        """A line for each month since, the first being month 0."""
        began = (self.first.isoformat(), currency, self.began)
        return [
            dict(zip(COHORT, (*began, number, count), strict=True))
            for number, count in enumerate(self.paying)
        ]


#: Which column each move belongs to. ``OTHER`` moves nothing.
COLUMNS = {
    Move.NEW: "new_minor",
    Move.EXPANSION: "expansion_minor",
    Move.CONTRACTION: "contraction_minor",
    Move.CHURN: "churn_minor",
    Move.REACTIVATION: "reactivation_minor",
}


def begin(session: Session) -> date | None:
    """The day on which the first plan began to be paid."""
    return session.scalar(select(func.min(PlanSum.day)))


def currencies(session: Session) -> list[str]:
    """The currencies that any plan was ever paid in."""
    return sorted(session.scalars(select(PlanSum.currency).distinct()))


def completed(context: Context, selection: Selection) -> Selection:
    """A selection with both ends: an open one reaches from the first plan that was paid to today."""
    last = today(context)
    first = selection.first or begin(context.session) or last
    return replace(selection, first=first, last=max(selection.last or last, first))


def months(session: Session, selection: Selection, *, currency: str) -> list[Month]:
    """The monthly revenue at the end of each selected period, and what moved it, as far as counted."""
    by = selection.by
    lines = {start: Month(start, currency) for start in selection.span.pieces(by)}
    end = next_first_day(max(lines), by)
    rows = session.execute(
        select(PlanSum.day, PlanSum.move, PlanSum.changes, PlanSum.amount_minor, PlanSum.customers)
        .where(PlanSum.currency == currency, PlanSum.day < end)
        .order_by(PlanSum.day)
    )
    gained: Counter[date] = Counter()
    minor = customers = 0
    for day, move, changes, amount_minor, more in rows:
        line = lines.get(first_day(day, by))
        if line is None:  # before the span
            minor, customers = minor + amount_minor, customers + more
            continue
        name = COLUMNS[Move(move)]
        setattr(line, name, getattr(line, name) + amount_minor)
        gained[line.first] += more
        if move == Move.CHURN:
            line.lost += changes
    for line in lines.values():
        line.opening_minor, line.customers_before = minor, customers
        minor += sum(getattr(line, name) for name in COLUMNS.values())
        customers += gained[line.first]
        line.closing_minor, line.customers = minor, customers
    return list(lines.values())


def cohorts(session: Session, span: Span, *, currency: str) -> list[Cohort]:
    """By the month in which each owner first paid: how many paid at its end, and at that of each since."""
    rows = session.execute(
        select(CohortSum.began, CohortSum.month, CohortSum.customers, CohortSum.newcomers).where(
            CohortSum.currency == currency,
            CohortSum.began >= first_day(span.first, "month"),
            CohortSum.month <= span.last,
        )
    ).all()
    moved: defaultdict[date, Counter[date]] = defaultdict(Counter)
    began: Counter[date] = Counter()
    for start, month, customers, newcomers in rows:
        moved[start][month] += customers
        began[start] += newcomers
    return [
        Cohort(
            start,
            began[start],
            list(accumulate(moved[start][month] for month in Span(start, span.last).pieces("month"))),
        )
        for start in sorted(moved)
    ]
