"""The sums of plans by day and by month, counted from the changes of subscriptions by ``tick`` and ``sync``.

A change is marked when it is counted, so it is counted once.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from ...context import Context, transaction
from ...subscriptions.models import Move, SubscriptionChange
from ..adding import add_to
from ..days import day_of, first_day
from ..models import CohortSum, PlanSum

#: Changes that are counted in one transaction.
BATCH = 1_000

#: What of a change is counted.
READ = tuple(
    getattr(SubscriptionChange, name)
    for name in ("id", "owner", "at", "move", "currency", "mrr_before_minor", "mrr_after_minor")
)


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
        if change.move != Move.OTHER:
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
    add_to(session, PlanSum, rows)


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
    add_to(session, CohortSum, rows)
