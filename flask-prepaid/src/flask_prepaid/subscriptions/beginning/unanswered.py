"""What came of a plan of which no event has told: begun, or renewed. ``tick`` asks Stripe."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import partial
from typing import TypeVar

from sqlalchemy import select, union

from prepaid_ledger import clock

from ...context import Context, Write, reading, refuse_uncommitted, transaction
from ...payments import timing
from ...payments.customers.rows import customers_of
from .. import sync
from ..models import State, Subscription
from ..plan_rows import lock

T = TypeVar("T")

#: A renewal that no event has told of is asked for so long after the period's end.
OVERDUE_AFTER = timedelta(hours=2)


def due(context: Context, *, limit: int = 100) -> list[int]:
    """The subscriptions that it is time to ask Stripe about: begun, or renewed without a word of it.

    What waits for an answer is due by the wall clock, a renewal by Stripe's time.
    """
    renewing = Subscription.state.in_((State.TRIALING, State.ACTIVE, State.PAST_DUE))
    overdue = Subscription.period_end < context.clock() - OVERDUE_AFTER
    wanted = union(  # each by an index of its own
        select(Subscription.id).where(Subscription.check_at <= clock.wall()),
        select(Subscription.id).where(Subscription.check_at.is_(None), renewing, overdue),
    )
    first = select(Subscription.id).where(Subscription.id.in_(wanted)).order_by(Subscription.id)
    return list(context.session.scalars(first.limit(limit)))


def check_with_stripe(context: Context, subscription_id: int) -> None:
    """Ask Stripe what came of a subscription that no event has told of, and write it down. Commits."""
    refuse_uncommitted(context)
    with transaction(context) as session:
        row = session.get_one(Subscription, subscription_id)
        row.check_at = timing.next_check(context.config, row.checks)
        row.checks += 1
    find_out(context, subscription_id)


def find_out(context: Context, subscription_id: int) -> None:
    """Ask Stripe what came of a subscription, and write that down; the next check is due as before. Commits.

    :raises GatewayUnavailable: It is not known now.
    """
    refuse_uncommitted(context)
    with reading(context) as session:
        row = session.get_one(Subscription, subscription_id)
        stripe_id, session_id, key = row.stripe_id, row.session_id, row.idempotency_key
        customer_ids, age = customers_of(session, row.owner), context.clock() - row.created_at
    write = _find(context, row, stripe_id, session_id, customer_ids, key)
    with transaction(context):
        if write is not None:
            write()
        elif age > timing.IN_FLIGHT:
            give_up(context, row)


def _find(
    context: Context,
    row: Subscription,
    stripe_id: str | None,
    session_id: str | None,
    customer_ids: Sequence[str],
    key: str,
) -> Write[object] | None:
    """Fetch a subscription, or the page on which it may begin; what is returned writes it. Commits."""
    gateway = context.gateway
    if stripe_id is not None:
        return sync.sync(context, stripe_id)
    page = gateway.plan_pages.fetch(session_id) if session_id else None
    page = page or _first(gateway.plan_pages.find(customer_id, key) for customer_id in customer_ids)
    if page is not None and page.subscription_id is None:
        return partial(sync.apply_page, context, row, page)
    if page is not None and page.subscription_id is not None:
        return sync.sync(context, page.subscription_id)
    subscription = _first(gateway.subscriptions.find(customer_id, key) for customer_id in customer_ids)
    return sync.sync(context, subscription.id) if subscription is not None else None


def _first(answers: Iterator[T | None]) -> T | None:
    return next((answer for answer in answers if answer is not None), None)


def give_up(context: Context, row: Subscription, *, closed: str | None = None) -> None:
    """Nothing came of it at Stripe, and nothing can any more.

    :param closed: Its page, which was closed. If it has another one by now, that is open, and the row stays.
    """
    lock(context.session, row.id)
    if row.state in (State.REQUESTED, State.OPEN) and row.session_id == closed:
        row.state, row.check_at = State.EXPIRED, None
        row.page_closed_at = context.clock() if closed else None
