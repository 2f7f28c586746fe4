"""Payments that failed, of packs and of plans, and what came of them: read from our own rows.

A pack's payment has failed when the bank refused it and nobody paid it in the end; it is recovered when
its customer has paid for anything later, within ``PATIENCE``. A plan's has when its renewal was not paid
at once; it is recovered when the plan is active again, and lost when the plan ended by it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, case, func, literal_column, select
from sqlalchemy.orm import Session, aliased

from ..models import Payment, PaymentState
from ..subscriptions.models import Invoice, Move, State, SubscriptionChange
from .days import day_of, first_day

#: A customer who pays later than so long after a failure is not one that came back for it.
PATIENCE = timedelta(days=30)

#: Nobody will pay these any more. A page that was left alone has no ``failure``, and is none.
GIVEN_UP = (PaymentState.FAILED, PaymentState.EXPIRED)


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

    def as_dict(self) -> dict[str, Any]:
        rate = self.recovery_rate
        return {**asdict(self), "recovery_rate": None if rate is None else round(rate, 4)}


@dataclass(frozen=True)
class Failed:
    """One payment that failed, and what came of it."""

    at: datetime
    currency: str
    amount_minor: int
    recovered: bool
    lost: bool


def failures(
    session: Session,
    *,
    zone: str,
    now: datetime,
    start: date | None = None,
    end: date | None = None,
    currency: str | None = None,
    by: str = "month",
) -> list[tuple[date, str, Failures]]:
    """What failed from ``start`` to ``end``, both included, by period and currency.

    :param now: By which a failure is old enough to be lost.
    """
    since = midnight(start, zone) if start else None
    until = midnight(end + timedelta(days=1), zone) if end else None
    lines: defaultdict[tuple[date, str], Failures] = defaultdict(Failures)
    for found in (*_payments(session, since, until, now), *_renewals(session, since, until)):
        if currency in (None, found.currency):
            line = lines[first_day(day_of(found.at, zone), by), found.currency]
            line.add(found.amount_minor, recovered=found.recovered, lost=found.lost)
    return [(day, of, lines[day, of]) for day, of in sorted(lines)]


def midnight(day: date, zone: str) -> datetime:
    """When a day begins in a time zone."""
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def _payments(
    session: Session, since: datetime | None, until: datetime | None, now: datetime
) -> Iterator[Failed]:
    later = aliased(Payment)
    paid_at = (
        select(later.paid_at)
        .where(later.owner == Payment.owner, later.id > Payment.id, later.state == PaymentState.PAID)
        .order_by(later.id)
        .limit(1)
        .scalar_subquery()
    )
    failed = select(Payment.created_at, Payment.currency, Payment.amount_minor, paid_at).where(
        Payment.failure.is_not(None), Payment.state.in_(GIVEN_UP)
    )
    if since is not None:
        failed = failed.where(Payment.created_at >= since)
    if until is not None:
        failed = failed.where(Payment.created_at < until)
    for at, currency, amount_minor, paid in session.execute(failed):
        recovered = paid is not None and paid <= at + PATIENCE
        yield Failed(at, currency, amount_minor, recovered, not recovered and now > at + PATIENCE)


def _renewals(session: Session, since: datetime | None, until: datetime | None) -> Iterator[Failed]:
    """Each time that a plan came into arrears; what came next says what came of it."""
    after, before = aliased(SubscriptionChange), aliased(SubscriptionChange)
    later = _of_the_same(after)
    following = (
        select(case((after.move == Move.CHURN, "lost"), else_="recovered"))
        .where(later, after.id > SubscriptionChange.id, after.state != State.PAST_DUE)
        .order_by(after.id)
        .limit(1)
        .scalar_subquery()
    )
    asked = (
        select(Invoice.total_minor)
        .where(
            Invoice.subscription_id == SubscriptionChange.subscription_id,
            Invoice.created_at <= SubscriptionChange.at,
        )
        .order_by(Invoice.created_at.desc(), Invoice.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    was_so_before = (
        select(before.state)
        .where(_of_the_same(before), before.id < SubscriptionChange.id)
        .order_by(before.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    fell = select(
        SubscriptionChange.at,
        SubscriptionChange.currency,
        func.coalesce(asked, SubscriptionChange.mrr_after_minor),
        following,
        was_so_before,
    ).where(SubscriptionChange.state == literal_column(f"'{State.PAST_DUE}'"))  # as its index says it
    if since is not None:
        fell = fell.where(SubscriptionChange.at >= since)
    if until is not None:
        fell = fell.where(SubscriptionChange.at < until)
    for at, currency, amount_minor, came, was in session.execute(fell):
        if was != State.PAST_DUE:
            yield Failed(at, currency, int(amount_minor), came == "recovered", came == "lost")


def _of_the_same(other: Any) -> ColumnElement[bool]:
    """Changes of the same subscription, by the index of owners."""
    return and_(
        other.owner == SubscriptionChange.owner,
        other.subscription_id == SubscriptionChange.subscription_id,
    )


def totals(lines: list[tuple[date, str, Failures]]) -> dict[str, Failures]:
    """The sums per currency."""
    sums: defaultdict[str, Failures] = defaultdict(Failures)
    for _, of, line in lines:
        total = sums[of]
        for name, value in asdict(line).items():
            setattr(total, name, getattr(total, name) + value)
    return dict(sorted(sums.items()))
