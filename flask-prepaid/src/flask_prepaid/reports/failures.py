"""Payments that failed, of packs and of plans, and what came of them: read from our own rows.

A pack's payment has failed when the bank refused it and nobody paid it in the end; it is recovered when
its customer has paid for anything later, within ``PATIENCE``. A plan's has when its renewal was not paid
at once; it is recovered when the plan is active again, and lost when the plan ended by it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, select, text, update
from sqlalchemy.orm import Session, aliased

from prepaid_ledger.database import insert

from ..context import Context, transaction
from ..payments.models import Payment, PaymentState
from ..subscriptions.models import Invoice, Move, State, SubscriptionChange
from .days import day_of, first_day, midnight
from .models import FailureSum
from .selection import EVERYTHING, Selection

#: A customer who pays later than so long after a failure is not one that came back for it.
PATIENCE = timedelta(days=30)

#: Nobody will pay these any more. A page that was left alone has no ``failure``, and is none.
GIVEN_UP = (PaymentState.FAILED, PaymentState.EXPIRED)

#: Failures of packs, and as many of plans, that are counted in one transaction.
BATCH = 500


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


@dataclass(frozen=True)
class Failed:
    """One payment that failed, and what came of it. ``id`` is that of its row."""

    id: int
    at: datetime
    currency: str
    amount_minor: int
    recovered: bool
    lost: bool


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
    for failed in (
        *_failed_payments(session, _between(_payments(), Payment.created_at, since, until), now),
        *_failed_renewals(session, _between(_renewals(), SubscriptionChange.at, since, until)),
    ):
        line = lines[first_day(day_of(failed.at, zone), selection.by), failed.currency]
        line.add(failed.amount_minor, recovered=failed.recovered, lost=failed.lost)
    return [
        (day, currency, lines[day, currency])
        for day, currency in sorted(lines)
        if selection.currency in (None, currency)
    ]


def count(context: Context) -> int:
    """Add failures to the sums once it is certain what came of them; how many were checked. Commits.

    That is when they are older than ``PATIENCE``, and a plan is not in arrears any more. What happens to
    such a payment later changes nothing here. Call it until it returns 0. Safe in several processes at
    once: who marks a failure counts it.
    """
    with transaction(context) as session:
        return _count(session, context.clock(), context.config.time_zone)


def _count(session: Session, now: datetime, zone: str) -> int:
    old = now - PATIENCE
    packs = _between(_payments(), Payment.created_at, None, old).limit(BATCH)
    plans = _between(_renewals(), SubscriptionChange.at, None, old).where(_came_of_it().is_not(None))
    sums: defaultdict[tuple[date, str], Failures] = defaultdict(Failures)
    checked = 0
    for table, rows in (
        (Payment, _failed_payments(session, packs, now)),
        (SubscriptionChange, _failed_renewals(session, plans.limit(BATCH))),
    ):
        failed = {row.id: row for row in rows}
        checked += len(failed)
        mine = update(table).where(table.id.in_(failed), text("NOT failure_counted"))
        for id in session.scalars(mine.values(failure_counted=True).returning(table.id)) if failed else ():
            row = failed[id]
            cell = sums[day_of(row.at, zone), row.currency]
            cell.add(row.amount_minor, recovered=row.recovered, lost=row.lost)
    if sums:
        new = insert(session, FailureSum)
        added = {name: FailureSum.__table__.c[name] + new.excluded[name] for name in MEASURES}
        values = [
            {"day": day, "currency": currency, **asdict(sums[day, currency])}
            for day, currency in sorted(sums)
        ]
        session.execute(new.on_conflict_do_update(index_elements=["day", "currency"], set_=added), values)
    return checked


def _between(
    wanted: Select[*tuple[Any, ...]], at: Any, since: datetime | None, until: datetime | None
) -> Select[*tuple[Any, ...]]:
    if since is not None:
        wanted = wanted.where(at >= since)
    return wanted if until is None else wanted.where(at < until)


def _payments() -> Select[*tuple[Any, ...]]:
    """The payments that failed and are not counted, each with when its customer paid for something later."""
    later = aliased(Payment)
    paid_at = (
        select(func.min(later.paid_at))
        .where(later.owner == Payment.owner, later.id > Payment.id, later.state == PaymentState.PAID)
        .scalar_subquery()
    )
    return select(Payment.id, Payment.created_at, Payment.currency, Payment.amount_minor, paid_at).where(
        Payment.failure.is_not(None), Payment.state.in_(GIVEN_UP), text("NOT failure_counted")
    )


def _failed_payments(session: Session, wanted: Select[*tuple[Any, ...]], now: datetime) -> Iterator[Failed]:
    for id, at, currency, amount_minor, paid in session.execute(wanted):
        recovered = paid is not None and paid <= at + PATIENCE
        yield Failed(id, at, currency, amount_minor, recovered, not recovered and now > at + PATIENCE)


def _renewals() -> Select[*tuple[Any, ...]]:
    """Each change by which a plan came into arrears, with what was asked for and what came of it."""
    before = aliased(SubscriptionChange)
    demanded = (
        select(Invoice.total_minor)
        .where(
            Invoice.subscription_id == SubscriptionChange.subscription_id,
            Invoice.created_at <= SubscriptionChange.at,
        )
        .order_by(Invoice.created_at.desc(), Invoice.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    was = (
        select(before.state)
        .where(_of_the_same(before), before.id < SubscriptionChange.id)
        .order_by(before.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    return select(
        SubscriptionChange.id,
        SubscriptionChange.at,
        SubscriptionChange.currency,
        func.coalesce(demanded, SubscriptionChange.mrr_after_minor),
        _came_of_it(),
    ).where(
        text(f"state = '{State.PAST_DUE}' AND NOT failure_counted"),  # as its index says it
        func.coalesce(was, "") != State.PAST_DUE,
    )


def _came_of_it() -> Any:
    """What came next that is not the arrears: ``lost``, ``recovered``, or nothing yet."""
    after = aliased(SubscriptionChange)
    return (
        select(case((after.move == Move.CHURN, "lost"), else_="recovered"))
        .where(_of_the_same(after), after.id > SubscriptionChange.id, after.state != State.PAST_DUE)
        .order_by(after.id)
        .limit(1)
        .scalar_subquery()
    )


def _failed_renewals(session: Session, wanted: Select[*tuple[Any, ...]]) -> Iterator[Failed]:
    for id, at, currency, amount_minor, came in session.execute(wanted):
        yield Failed(id, at, currency, int(amount_minor), came == "recovered", came == "lost")


def _of_the_same(other: Any) -> ColumnElement[bool]:
    """Changes of the same subscription, by the index of owners."""
    return and_(
        other.owner == SubscriptionChange.owner,
        other.subscription_id == SubscriptionChange.subscription_id,
    )


def totals(lines: list[tuple[date, str, Failures]]) -> dict[str, Failures]:
    """The sums per currency."""
    sums: defaultdict[str, Failures] = defaultdict(Failures)
    for _, currency, line in lines:
        sums[currency].join(line)
    return dict(sorted(sums.items()))
