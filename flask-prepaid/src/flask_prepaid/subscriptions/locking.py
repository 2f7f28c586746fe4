"""The lock of a subscription: whoever writes it, its invoices or its months takes it first."""

from __future__ import annotations

from sqlalchemy import update
from sqlalchemy.orm import Session

from .models import Subscription


def lock(session: Session, subscription_id: int) -> Subscription:
    """Keep every other writer off until the transaction ends; the subscription as it now is.

    An UPDATE locks the row on PostgreSQL and takes the write lock on SQLite.
    """
    same = Subscription.id == subscription_id
    session.execute(update(Subscription).where(same).values(id=subscription_id))
    return session.get_one(Subscription, subscription_id, populate_existing=True)
