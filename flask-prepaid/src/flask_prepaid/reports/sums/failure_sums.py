"""The sums of failures by day, counted by ``tick`` and ``sync`` once it is certain what came of them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict
from datetime import date, datetime

from sqlalchemy import text, update
from sqlalchemy.orm import Session

from ...context import Context, transaction
from ...payments.models import Payment
from ...subscriptions.models import SubscriptionChange
from .. import uncounted_failures
from ..adding import add_to
from ..days import day_of
from ..failures import Failures
from ..models import FailureSum

#: Failures of packs, and as many of plans, that are counted in one transaction.
BATCH = 500


def count(context: Context) -> int:
    """Add failures to the sums once it is certain what came of them; how many were checked. Commits.

    That is when they are older than ``PATIENCE``, and a plan is not in arrears any more. What happens to
    such a payment later changes nothing here. Call it until it returns 0. Safe in several processes at
    once: who marks a failure counts it.
    """
    with transaction(context) as session:
        return _count(session, context.clock(), context.config.time_zone)


def _count(session: Session, now: datetime, zone: str) -> int:
    old = now - uncounted_failures.PATIENCE
    sums: defaultdict[tuple[date, str], Failures] = defaultdict(Failures)
    checked = 0
    for table, certain in (
        (Payment, uncounted_failures.payments(session, now, until=old, limit=BATCH)),
        (SubscriptionChange, uncounted_failures.renewals(session, until=old, limit=BATCH, in_arrears=False)),
    ):
        rows = {row.id: row for row in certain}
        checked += len(rows)
        mine = update(table).where(table.id.in_(rows), text("NOT failure_counted"))
        for id in session.scalars(mine.values(failure_counted=True).returning(table.id)) if rows else ():
            row = rows[id]
            cell = sums[day_of(row.at, zone), row.currency]
            cell.add(row.amount_minor, recovered=row.recovered, lost=row.lost)
    values = [
        {"day": day, "currency": currency, **asdict(sums[day, currency])} for day, currency in sorted(sums)
    ]
    add_to(session, FailureSum, values)
    return checked
