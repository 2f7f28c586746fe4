"""Plans whose payment did not go through: what is owed, since when, and when Stripe tries again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask.typing import ResponseReturnValue
from sqlalchemy import func, select

from ....payments.customers.models import Customer
from ....subscriptions import plan_state
from ....subscriptions.models import Invoice, PlanPrice, Subscription
from .. import page

#: Invoices on the page.
SHOWN = 100


def listing() -> ResponseReturnValue:
    """Each invoice that waits to be paid, the oldest first: who has owed longest stands on top."""
    page.operator()
    rows = page.context().session.execute(open_invoices().limit(SHOWN)).all()
    return page.render(
        "dunning.html", rows=rows, shown=SHOWN, labels=page.labels(plan.owner for _, plan, _, _ in rows)
    )


def open_invoices(owner: str | None = None) -> Any:
    """What is owed for plans, with the address that Stripe refuses, if it does; of all owners, or of one."""
    rows = (
        select(Invoice, Subscription, PlanPrice, Customer.refused_email)
        .join(Subscription, Subscription.id == Invoice.subscription_id)
        .join(PlanPrice, PlanPrice.id == Subscription.price_id)
        .outerjoin(Customer, Customer.owner == Subscription.owner)
        .where(*plan_state.OWED)
        .order_by(Invoice.created_at, Invoice.id)
    )
    return rows if owner is None else rows.where(Subscription.owner == owner)


def totals() -> Sequence[Any]:
    """How many invoices wait in each currency, and how much they ask for, in its smallest unit."""
    sums = func.count().label("count"), func.sum(Invoice.due_minor).label("due_minor")
    waiting = open_invoices().order_by(None).with_only_columns(Invoice.currency, *sums)
    rows = page.context().session.execute(waiting.group_by(Invoice.currency).order_by(Invoice.currency))
    return rows.mappings().all()
