"""One Stripe customer per owner, also under a double click and after a crash."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from prepaid_ledger.database import insert

from ..context import Context, refuse_uncommitted, transaction
from ..errors import GatewayRefused, UnknownItem
from .models import Attempt, Customer, SavedCard, TopUp, TrialCard

T = TypeVar("T")

CARD_ID = re.compile(r"[A-Za-z0-9_]{1,255}")


def with_customer(context: Context, owner: str, ask: Callable[[str], T]) -> T:
    """What ``ask`` returns for the owner's Stripe customer, who is made at the first call. Commits.

    One that was deleted in Stripe's dashboard is replaced, and ``ask`` asks again.
    """
    customer_id = customer_of(context, owner)
    try:
        return ask(customer_id)
    except GatewayRefused as refused:
        if refused.missing != "customer":
            raise
    with transaction(context) as session:
        _forget(session, owner, customer_id)
    return ask(customer_of(context, owner))


def customer_of(context: Context, owner: str) -> str:
    """The id of the owner's Stripe customer, made at the first call. Commits.

    The key is committed before Stripe is asked, so two calls at once get one customer.
    """
    with transaction(context) as session:
        row = _customer(context, owner)
        if row.stripe_id is not None:
            return row.stripe_id
        key = row.idempotency_key
    email = context.email_of(owner)  # the host's function may write and commit
    stripe_id = context.gateway.customers.create(owner, email=email, key=key)
    with transaction(context) as session:
        nameless = Customer.owner == owner, Customer.stripe_id.is_(None)
        session.execute(update(Customer).where(*nameless).values(stripe_id=stripe_id))
        return session.scalars(select(Customer.stripe_id).where(Customer.owner == owner)).one()  # type: ignore[return-value]


def _customer(context: Context, owner: str) -> Customer:
    session = context.session
    row = session.get(Customer, owner)
    if row is None:
        fresh = {"owner": owner, "idempotency_key": _new_key(), "created_at": context.clock()}
        session.execute(insert(session, Customer).values(fresh).on_conflict_do_nothing())
        row = session.get_one(Customer, owner)
    return row


def known_customer(session: Session, owner: str) -> str | None:
    """The id of the owner's Stripe customer, if one was ever made."""
    return session.scalar(select(Customer.stripe_id).where(Customer.owner == owner))


def card_on_file(session: Session, owner: str, card_id: str) -> SavedCard | None:
    """The owner's card with this id, which may be any text that a browser sends."""
    card = session.get(SavedCard, card_id) if CARD_ID.fullmatch(card_id) else None
    return card if card is not None and card.owner == owner else None


def adopt(context: Context, owner: str, stripe_id: str) -> None:
    """Let a customer of Stripe's stand for the owner. Commits. A repeat does nothing.

    :raises UnknownItem: It stands for another owner, or the owner has another customer.
    """
    with transaction(context) as session:
        taken = session.scalar(select(Customer.owner).where(Customer.stripe_id == stripe_id))
        if taken not in (None, owner):
            raise UnknownItem(
                f"The customer {stripe_id!r} stands for {taken!r} already.", field="customer_id"
            )
        row = _customer(context, owner)
        nameless = Customer.owner == owner, Customer.stripe_id.is_(None)
        session.execute(update(Customer).where(*nameless).values(stripe_id=stripe_id))
        session.refresh(row)
        if row.stripe_id != stripe_id:
            raise UnknownItem(f"{owner!r} has the customer {row.stripe_id!r} already.", field="owner")


def remove(context: Context, owner: str) -> None:
    """Delete the owner's customer at Stripe, and with it cards, auto top-up and plan. Commits.

    Wallet, entries and payments stay: what happened to money is not forgotten. A repeat does nothing.

    :raises GatewayUnavailable: Stripe did not answer. Ask again.
    """
    refuse_uncommitted(context)
    with transaction(context) as session:
        session.execute(delete(TopUp).where(TopUp.owner == owner))
        # Only the owner is forgotten: address and card still count, or leaving would evade the limits.
        session.execute(update(Attempt).where(Attempt.owner == owner).values(owner=""))
        session.execute(update(TrialCard).where(TrialCard.owner == owner).values(owner=""))
        customer_id = known_customer(session, owner)
    if customer_id is not None:
        context.gateway.customers.delete(customer_id)
    with transaction(context) as session:
        if customer_id is not None:
            _forget(session, owner, customer_id)
        session.execute(delete(SavedCard).where(SavedCard.owner == owner))


def _forget(session: Session, owner: str, customer_id: str) -> None:
    session.execute(
        update(Customer)
        .where(Customer.owner == owner, Customer.stripe_id == customer_id)
        .values(stripe_id=None, idempotency_key=_new_key(), default_card_id=None)
    )


def _new_key() -> str:
    return f"prepaid-customer-{secrets.token_hex(16)}"
