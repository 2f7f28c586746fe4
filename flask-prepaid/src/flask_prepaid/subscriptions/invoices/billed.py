"""What a plan's invoices have billed before, by which the next one is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy import select

from ...context import Context
from ...gateway.values import moment
from ..models import Invoice, PlanPrice, Subscription
from .calendar_months import Window
from .worth import Known


def known_of(context: Context, subscription: Subscription, prices: Mapping[str, PlanPrice]) -> Known:
    """What has to be known of a subscription to read its invoices.

    :param prices: The terms of what they bill, by Stripe's ids.
    """
    return Known(
        prices, _periods(context, subscription), _rates(context, subscription), subscription.anchor_at
    )


def _periods(context: Context, subscription: Subscription) -> Callable[[int, int], Window | None]:
    """Finds periods among those that the subscription's invoices have billed."""

    def period_at(since: int, end: int) -> Window | None:
        start = context.session.scalars(
            select(Invoice.period_start).where(
                Invoice.subscription_id == subscription.id,
                Invoice.period_end == moment(end),
                Invoice.period_start <= moment(since),
            )
        ).first()
        return None if start is None else (int(start.timestamp()), end)

    return period_at


def _rates(context: Context, subscription: Subscription) -> Callable[[Window], int]:
    """Finds what a whole period gives, by the last invoice in a period that is settled."""

    def rate_in(period: Window) -> int:
        inside = select(Invoice.per_period).where(
            Invoice.subscription_id == subscription.id,
            Invoice.created_at >= moment(period[0]),
            Invoice.created_at < moment(period[1]),
            Invoice.per_period > 0,
        )
        return context.session.scalar(inside.order_by(Invoice.created_at.desc(), Invoice.id.desc())) or 0

    return rate_in
