"""What the plans bring in each month, and what moved it: from the dated changes of subscriptions.

A row of ``SubscriptionChange`` says by how much its owner's monthly revenue moved, so the revenue at any
time is the sum up to then, and between two times every difference has its reason. ``tick`` counts the
changes into sums by day and by month; reports read those alone.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from itertools import accumulate
from typing import Any

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from prepaid_ledger.database import insert

from ..context import Context, transaction
from ..subscriptions.models import Move, SubscriptionChange
from .days import Span, day_of, first_day, next_first_day, today
from .models import CohortSum, PlanSum
from .selection import Selection

#: Changes that are counted in one transaction.
BATCH = 1_000

#: What of a change is counted.
READ = tuple(
    getattr(SubscriptionChange, name)
    for name in ("id", "owner", "at", "move", "currency", "mrr_before_minor", "mrr_after_minor")
)


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


def count(context: Context) -> int:
    """Count the changes of plans that are not in the sums yet; how many were. Commits.

    Call it until it returns 0. Safe in several processes at once: who marks a change counts it.
    """
    zone = context.config.time_zone
    waiting = select(SubscriptionChange.id).where(text("NOT counted")).order_by(SubscriptionChange.id)
    with transaction(context) as session:
        ids = list(session.scalars(waiting.limit(BATCH)))
        if not ids:
            return 0
        mine = update(SubscriptionChange).where(SubscriptionChange.id.in_(ids), text("NOT counted"))
        changes = session.execute(mine.values(counted=True).returning(*READ)).all()
        _add_to_days(session, changes, zone)
        _add_to_cohorts(session, changes, zone)
    return len(changes)


def _gained(change: Any) -> int:
    """1 if its owner began to pay by it, -1 if they ceased."""
    return int(change.mrr_after_minor > 0) - int(change.mrr_before_minor > 0)


def _add_to_days(session: Session, changes: Sequence[Any], zone: str) -> None:
    sums: defaultdict[tuple[date, str, str], Counter[str]] = defaultdict(Counter)
    for change in changes:
        if change.move in COLUMNS:
            cell = sums[day_of(change.at, zone), change.currency, change.move.value]
            cell["changes"] += 1
            cell["amount_minor"] += change.mrr_after_minor - change.mrr_before_minor
            cell["customers"] += _gained(change)
    names = ("changes", "amount_minor", "customers")
    rows = [
        {
            "day": day,
            "currency": currency,
            "move": move,
            **{name: sums[day, currency, move][name] for name in names},
        }
        for day, currency, move in sorted(sums)
    ]
    if rows:
        new = insert(session, PlanSum)
        added = {name: PlanSum.__table__.c[name] + new.excluded[name] for name in names}
        session.execute(
            new.on_conflict_do_update(index_elements=["day", "currency", "move"], set_=added), rows
        )


def _add_to_cohorts(session: Session, changes: Sequence[Any], zone: str) -> None:
    """An owner belongs to the month of the first change by which they paid, whichever is counted first."""
    owners = {change.owner for change in changes}
    first = (
        select(
            SubscriptionChange.owner,
            SubscriptionChange.currency,
            func.min(SubscriptionChange.id),
            func.min(SubscriptionChange.at),
        )
        .where(SubscriptionChange.owner.in_(owners), SubscriptionChange.mrr_after_minor > 0)
        .group_by(SubscriptionChange.owner, SubscriptionChange.currency)
    )
    began = {(owner, currency): (id, day_of(at, zone)) for owner, currency, id, at in session.execute(first)}
    sums: defaultdict[tuple[str, date, date], Counter[str]] = defaultdict(Counter)
    for change in changes:
        if gained := _gained(change):
            first_id, day = began[change.owner, change.currency]
            month = first_day(day_of(change.at, zone), "month")
            cell = sums[change.currency, first_day(day, "month"), month]
            cell["customers"] += gained
            cell["newcomers"] += change.id == first_id
    rows = [
        {
            "currency": currency,
            "began": start,
            "month": month,
            "customers": cell["customers"],
            "newcomers": cell["newcomers"],
        }
        for (currency, start, month), cell in sorted(sums.items())
    ]
    if rows:
        new = insert(session, CohortSum)
        added = {
            name: CohortSum.__table__.c[name] + new.excluded[name] for name in ("customers", "newcomers")
        }
        index = ["currency", "began", "month"]
        session.execute(new.on_conflict_do_update(index_elements=index, set_=added), rows)


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
