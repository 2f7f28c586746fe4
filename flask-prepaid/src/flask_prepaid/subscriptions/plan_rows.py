"""The rows of plans: found by any of Stripe's ids, and locked before anybody writes."""

from __future__ import annotations

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from ..gateway.billing.subscription_values import StripeSubscription
from ..payments.customers.models import Customer
from ..payments.customers.rows import owner_of
from .models import BEGINNING, ENDED, State, Subscription


def find(
    session: Session, *, key: str | None = None, stripe_id: str | None = None, session_id: str | None = None
) -> Subscription | None:
    """The row that an object of Stripe's is about, by its id or by the key in its metadata."""
    names = [
        column == value
        for column, value in (
            (Subscription.idempotency_key, key),
            (Subscription.stripe_id, stripe_id),
            (Subscription.session_id, session_id),
        )
        if value
    ]
    if not names:
        return None
    return session.scalars(select(Subscription).where(or_(*names)).order_by(Subscription.id)).first()


def why_other(session: Session, row: Subscription, subscription: StripeSubscription) -> str | None:
    """Why a subscription that names the row is not the row's, in words for an operator; ``None`` if it is.

    Whoever has the Stripe key can write our key into the metadata of any subscription.
    """
    if row.stripe_id is not None:
        return None if row.stripe_id == subscription.id else f"is not {row.stripe_id}, which the plan has"
    return None if owner_of(session, subscription.customer_id) == row.owner else "is another customer's"


def running(session: Session, owner: str) -> Subscription | None:
    """The owner's subscription that has not ended."""
    mine = select(Subscription).where(Subscription.owner == owner, Subscription.state.not_in(ENDED))
    return session.scalars(mine.execution_options(populate_existing=True)).one_or_none()


def idle_id(session: Session, owner: str) -> str | None:
    """Stripe's id of the owner's plan that bills nothing: it is paused, or has ended last.

    ``None`` while one runs, or where none ever has.
    """
    row = running(session, owner)
    if row is not None and row.state is State.PAUSED:
        return row.stripe_id
    if row is not None and row.state not in BEGINNING:
        return None
    ended = select(Subscription.stripe_id).where(
        Subscription.owner == owner, Subscription.state.in_(ENDED), Subscription.stripe_id.is_not(None)
    )
    return session.scalar(ended.order_by(Subscription.id.desc()).limit(1))


def payer_id(session: Session, row: Subscription) -> str | None:
    """Stripe's id of what is charged for a plan: a card, or another means such as a direct debit."""
    return row.card_id or session.scalar(select(Customer.default_card_id).where(Customer.owner == row.owner))


def lock(session: Session, subscription_id: int) -> Subscription:
    """Keep every other writer off until the transaction ends; the subscription as it now is.

    Whoever writes it, its invoices or its months takes this lock first. An UPDATE locks the row on
    PostgreSQL and takes the write lock on SQLite.
    """
    same = Subscription.id == subscription_id
    session.execute(update(Subscription).where(same).values(id=subscription_id))
    return session.get_one(Subscription, subscription_id, populate_existing=True)
