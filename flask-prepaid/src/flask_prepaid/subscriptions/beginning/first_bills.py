"""A plan's first payment, asked of Stripe before a card on file is charged: no more than was shown."""

from __future__ import annotations

from datetime import timedelta

from ...context import Context, reading
from ...errors import AboveShown
from ...payments.customers.rows import known_customer
from .. import plan_rows, prices
from ..models import PlanPrice


def require_within(
    context: Context,
    owner: str,
    price: PlanPrice,
    quantity: int,
    *,
    trial_days: int,
    key: str,
    max_minor: int,
) -> None:
    """Refuse a first payment of more than ``max_minor``, with its tax and what is owed at Stripe. Commits.

    :param key: What has begun under it may be charged already, and goes on.
    :raises AboveShown: It is of more.
    """
    with reading(context) as session:
        customer_id, is_begun = known_customer(session, owner), plan_rows.find(session, key=key) is not None
        choice, ends = (price.id, quantity), context.clock() + timedelta(days=trial_days)
    if customer_id is None or is_begun:
        return
    with prices.sold_at_stripe():
        bill = context.gateway.invoices.preview_first(
            choice, customer_id=customer_id, trial_end=ends if trial_days else None
        )
    total_minor = max(bill.total_minor, bill.due_minor)
    if total_minor > max_minor:
        raise AboveShown(
            total_minor,
            tax_minor=bill.tax_minor,
            owed_minor=max(bill.balance_minor, 0),
            currency=bill.currency,
        )
