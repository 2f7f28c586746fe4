"""How a customer leaves, removed by the host or deleted at Stripe; a payment undoes it."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, case, delete, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from prepaid_ledger import check_owner, clock

from ...context import Context, Write, nothing, refuse_uncommitted, transaction
from ...outbox import app_outbox, thresholds
from ..models import Attempt, TopUp, TrialCard
from .asking import renew_key
from .models import BILLING_COLUMNS, Customer, OperatorNote, SavedCard
from .rows import forget_customer, known_customer, row_of


def remove(context: Context, owner: str) -> None:
    """Delete the owner's customer at Stripe, and with it cards, auto top-up and plan. Commits.

    Wallet, entries and payments stay: what happened to money is not forgotten. A repeat does nothing.

    :raises GatewayUnavailable: Stripe did not answer. Ask again.
    :raises ValueError: No such owner can be.
    """
    check_owner(owner)
    refuse_uncommitted(context)
    with transaction(context) as session:
        row = row_of(context, owner)
        # What has begun makes no customer from here on: not under this key, and not after this removal.
        again = {"removals": Customer.removals + 1, "closed_at": context.clock()}
        session.execute(update(Customer).where(Customer.owner == owner).values(again))
        session.refresh(row)
        renew_key(context, owner, row.idempotency_key)
        session.execute(delete(TopUp).where(TopUp.owner == owner))
        # Only the owner is forgotten: address and card still count, or leaving would evade the limits.
        session.execute(update(Attempt).where(Attempt.owner == owner).values(owner=""))
        session.execute(update(TrialCard).where(TrialCard.owner == owner).values(owner=""))
        customer_id = known_customer(session, owner)
    if customer_id is not None:
        context.gateway.customers.delete(customer_id)
    with transaction(context) as session:
        if customer_id is not None:
            forget_customer(session, owner, customer_id)
        session.execute(delete(SavedCard).where(SavedCard.owner == owner))
        session.execute(delete(OperatorNote).where(OperatorNote.owner == owner))
        app_outbox.erase(session, owner)
        thresholds.note_removed(session, owner, context.clock())


def is_closed(session: Session, owner: str) -> bool:
    """Whether the host has removed the customer, who has bought nothing since."""
    closed_at = select(Customer.closed_at).where(Customer.owner == owner)
    return session.scalar(closed_at) is not None


def reopen(session: Session, owner: str, bought_at: datetime) -> None:
    """A payment is settled that was begun after its owner was removed: they are a customer again."""
    closed = Customer.owner == owner, Customer.closed_at <= bought_at
    again = session.execute(update(Customer).where(*closed).values(closed_at=None).returning(Customer.owner))
    if again.first() is not None:
        thresholds.note_back(session, owner)


def sync_deleted(context: Context, customer_id: str) -> Write[None]:
    """See whether a customer is deleted at Stripe; what is returned forgets what was copied from there.

    The row still knows the customer, by whom a payment that is on its way is settled.
    """
    asked_at = clock.wall()
    if context.gateway.customers.exists(customer_id):
        return nothing
    return partial(_forget_copies, context, customer_id, asked_at)


def _forget_copies(context: Context, customer_id: str, asked_at: datetime) -> None:
    """Nothing that was fetched before it was gone is copied any more: the copies are of ``asked_at``.

    One that is of later stays so: a deleted customer never comes back.
    """
    forgotten = {
        **dict.fromkeys(BILLING_COLUMNS),
        "billing_fetched_at": _latest(Customer.billing_fetched_at, asked_at),
        "cards_fetched_at": _latest(Customer.cards_fetched_at, asked_at),
        "default_card_id": None,
        "retry_card_id": None,
        "refused_email": None,
        "language": None,
    }
    gone = update(Customer).where(Customer.stripe_id == customer_id).values(forgotten)
    owner = context.session.scalar(gone.returning(Customer.owner))
    if owner is not None:
        context.session.execute(delete(SavedCard).where(SavedCard.owner == owner))


def _latest(fetched_at: InstrumentedAttribute[datetime | None], asked_at: datetime) -> ColumnElement[Any]:
    return case((fetched_at > asked_at, fetched_at), else_=asked_at)
