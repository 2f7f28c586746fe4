"""Payments that failed and are not counted yet, and what came of each: read from our own rows.

A pack's payment has failed when the bank refused it and nobody paid it in the end; it is recovered when
its customer has paid for anything later, within ``PATIENCE``. A plan's has when its renewal was not paid
at once; it is recovered when the plan is active again, and lost when the plan ended by it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, select, text
from sqlalchemy.orm import Session, aliased

from ..payments.models import Payment, PaymentState
from ..subscriptions.models import Invoice, Move, State, SubscriptionChange

#: A customer who pays later than so long after a failure is not one that came back for it.
PATIENCE = timedelta(days=30)

#: Nobody will pay these any more. A page that was left alone has no ``failure``, and is none.
GIVEN_UP = (PaymentState.FAILED, PaymentState.EXPIRED)


@dataclass(frozen=True)
class Failed:
    """One payment that failed, and what came of it. ``id`` is that of its row."""

    id: int
    at: datetime
    currency: str
    amount_minor: int
    recovered: bool
    lost: bool


def payments(
    session: Session,
    now: datetime,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int | None = None,
) -> Iterator[Failed]:
    """The failed payments of packs that are not counted, from ``since`` on and before ``until``."""
    wanted = _between(_payments(), Payment.created_at, since, until).limit(limit)
    for id, at, currency, amount_minor, paid in session.execute(wanted):
        recovered = paid is not None and paid <= at + PATIENCE
        yield Failed(id, at, currency, amount_minor, recovered, not recovered and now > at + PATIENCE)


def _payments() -> Select[*tuple[Any, ...]]:
    """Each with when its customer paid for something later."""
    later = aliased(Payment)
    paid_at = (
        select(func.min(later.paid_at))
        .where(later.owner == Payment.owner, later.id > Payment.id, later.state == PaymentState.PAID)
        .scalar_subquery()
    )
    return select(Payment.id, Payment.created_at, Payment.currency, Payment.amount_minor, paid_at).where(
        Payment.failure.is_not(None), Payment.state.in_(GIVEN_UP), text("NOT failure_counted")
    )


def renewals(
    session: Session,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int | None = None,
    in_arrears: bool = True,
) -> Iterator[Failed]:
    """The failed renewals of plans that are not counted, from ``since`` on and before ``until``.

    :param in_arrears: Also those of which it is not known yet what comes of them.
    """
    wanted = _between(_renewals(), SubscriptionChange.at, since, until).limit(limit)
    if not in_arrears:
        wanted = wanted.where(_came_of_it().is_not(None))
    for id, at, currency, amount_minor, came in session.execute(wanted):
        yield Failed(id, at, currency, int(amount_minor), came == "recovered", came == "lost")


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


def _of_the_same(other: Any) -> ColumnElement[bool]:
    """Changes of the same subscription, by the index of owners."""
    return and_(
        other.owner == SubscriptionChange.owner,
        other.subscription_id == SubscriptionChange.subscription_id,
    )


def _between(
    wanted: Select[*tuple[Any, ...]], at: Any, since: datetime | None, until: datetime | None
) -> Select[*tuple[Any, ...]]:
    if since is not None:
        wanted = wanted.where(at >= since)
    return wanted if until is None else wanted.where(at < until)
