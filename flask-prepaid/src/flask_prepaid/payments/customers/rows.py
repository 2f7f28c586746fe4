"""The row that says which customer of Stripe's stands for an owner."""

from __future__ import annotations

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from prepaid_ledger import check_owner
from prepaid_ledger.database import insert

from ...context import Context
from .asking import new_key
from .models import BILLING_COLUMNS, Customer, FormerCustomer


def row_of(context: Context, owner: str) -> Customer:
    """The row of the owner's customer, made where there is none.

    :raises ValueError: The ledger has no wallet for such an owner.
    """
    check_owner(owner)
    session = context.session
    row = session.get(Customer, owner)
    if row is None:
        fresh = {"owner": owner, **new_key(), "created_at": context.clock()}
        session.execute(insert(session, Customer).values(fresh).on_conflict_do_nothing())
        row = session.get_one(Customer, owner)
    return row


def known_customer(session: Session, owner: str) -> str | None:
    """The id of the owner's Stripe customer, if one was ever made.

    :raises ValueError: No such owner can be.
    """
    check_owner(owner)
    return session.scalar(select(Customer.stripe_id).where(Customer.owner == owner))


def customers_of(session: Session, owner: str) -> list[str]:
    """The ids of those who stand for the owner at Stripe, or have stood for them: the one of now first."""
    former = select(FormerCustomer.stripe_id).where(FormerCustomer.owner == owner)
    known = known_customer(session, owner)
    return [*([known] if known else []), *session.scalars(former.order_by(FormerCustomer.stripe_id))]


def owner_of(session: Session, customer_id: str | None) -> str | None:
    """The owner for whom a customer at Stripe stands, or has stood before they were gone."""
    if customer_id is None:  # an owner who has no customer yet is not meant
        return None
    known = session.scalar(select(Customer.owner).where(Customer.stripe_id == customer_id))
    former = select(FormerCustomer.owner).where(FormerCustomer.stripe_id == customer_id)
    return known or session.scalar(former)


def removals_of(session: Session, owner: str) -> int:
    """How often the host has removed the owner's customer."""
    return session.scalar(select(Customer.removals).where(Customer.owner == owner)) or 0


def forget_customer(session: Session, owner: str, customer_id: str) -> None:
    """Take a customer off the owner's row, with what was copied; the next one is made under a new key."""
    former = insert(session, FormerCustomer).values(stripe_id=customer_id, owner=owner)
    session.execute(former.on_conflict_do_nothing())
    session.execute(
        update(Customer)
        .where(Customer.owner == owner, Customer.stripe_id == customer_id)
        .values(
            **new_key(),
            stripe_id=None,
            default_card_id=None,
            refused_email=None,
            language=None,
            outdated=False,
            retry_card_id=None,
            charges_stopped=False,
            **dict.fromkeys(BILLING_COLUMNS),
        )
    )
