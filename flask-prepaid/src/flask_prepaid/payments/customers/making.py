"""One Stripe customer per owner, also under a double click and after a crash."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import select, update

from ...context import Context, reading, transaction
from ...errors import GatewayRefused, GatewayUnavailable, NotYours, UnknownItem
from . import asking, contact, unwanted
from .models import Customer
from .rows import forget_customer, removals_of, row_of

T = TypeVar("T")

log = logging.getLogger(__name__)


def with_customer(context: Context, owner: str, ask: Callable[[str], T], *, removals: int | None = None) -> T:
    """What ``ask`` returns for the owner's Stripe customer, who is made at the first call. Commits.

    One that was deleted in Stripe's dashboard is replaced, and ``ask`` asks again.

    :param ask: It charges nothing: it opens a page, or writes what Stripe knows of the customer.
    :param removals: What ``removals_of`` said when the request began; by default it begins here.
    :raises NotYours: The host has removed the customer meanwhile: none is made anew.
    :raises GatewayUnavailable: Stripe did not answer, and nothing was charged.
    """
    if removals is None:
        with reading(context) as session:
            removals = removals_of(session, owner)
    try:
        return _with_customer(context, owner, ask, removals)
    except GatewayUnavailable as error:
        error.charges_nothing = True
        raise


def _with_customer(context: Context, owner: str, ask: Callable[[str], T], removals: int) -> T:
    customer_id = customer_of(context, owner, removals)
    contact.remember_language(context, owner, customer_id)
    try:
        return ask(customer_id)
    except GatewayRefused as refused:
        if refused.missing != "customer":
            raise
    with transaction(context) as session:
        forget_customer(session, owner, customer_id)
    return ask(customer_of(context, owner, removals))


def customer_of(context: Context, owner: str, removals: int) -> str:
    """The id of the owner's Stripe customer, made at the first call. Commits.

    The key is committed before Stripe is asked, so two calls at once get one customer. The next call has
    another one where Stripe keeps a failure under it, and has made no customer: else this owner could buy
    nothing for a day. Where no answer came for long, Stripe is looked through, and then asked anew.

    :raises NotYours: The host has removed the customer more often than ``removals``. One that was made is
        deleted, by ``tick`` if Stripe does not answer.
    """
    with transaction(context) as session:
        row = row_of(context, owner)
        _require_same(row.removals, removals)
        if row.stripe_id is not None:
            return row.stripe_id
        key = row.idempotency_key
        asked_at = row.asked_at = row.asked_at or context.clock()
    made = _ask(context, owner, key, asked_at)
    if made is None:
        return customer_of(context, owner, removals)
    stripe_id: str = made["stripe_id"]
    with transaction(context) as session:
        ours = Customer.owner == owner, Customer.idempotency_key == key, Customer.stripe_id.is_(None)
        session.execute(update(Customer).where(*ours).values(made))
        is_kept = session.scalar(select(Customer.stripe_id).where(Customer.owner == owner)) == stripe_id
        if not is_kept:  # removed, or deleted in the dashboard, meanwhile
            unwanted.write_down(context, session, stripe_id)
    if not is_kept:
        unwanted.try_to_delete(context, stripe_id)
        return customer_of(context, owner, removals)
    return stripe_id


def _require_same(removals: int, before: int) -> None:
    if removals != before:
        raise NotYours("This customer has been removed.")


def _ask(context: Context, owner: str, key: str, asked_at: datetime) -> dict[str, Any] | None:
    """The columns of the customer whom Stripe has under a key; ``None`` to ask under another. Commits."""
    if asking.is_used_up(context, asked_at):
        return _made_before(context, owner, key, asked_at)
    email = context.email_of(owner)  # the host's function may write and commit
    try:
        return _create(context, owner, email, key)
    except GatewayUnavailable as error:
        made = _made_before(context, owner, key, asked_at) if error.key_is_spent else None
        if made is None:
            raise
        return made


def _create(context: Context, owner: str, email: str | None, key: str) -> dict[str, Any]:
    """Have Stripe make a customer; the columns of what it took. An address that it refuses stops no sale."""
    create = context.gateway.customers.create
    try:
        return {"stripe_id": create(owner, email=email, key=key), "refused_email": None}
    except GatewayRefused as refused:
        if email is None or refused.param != "email":
            raise
    log.warning("Stripe does not take the address of %s: its customer is made without", owner)
    return {"stripe_id": create(owner, email=None, key=asking.bare(key)), "refused_email": email[:255]}


def _made_before(context: Context, owner: str, key: str, asked_at: datetime) -> dict[str, Any] | None:
    """The columns of the customer whom Stripe has made under a key in spite of its answers. Commits.

    Where there is none, the next one is asked for under another key.
    """
    for stripe_id in asking.made_under(context, key, asked_at):
        return {"stripe_id": stripe_id, "outdated": True}  # made, it may be, with an earlier address
    with transaction(context):
        asking.renew_key(context, owner, key)
    return None


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
        row = row_of(context, owner)
        nameless = Customer.owner == owner, Customer.stripe_id.is_(None)
        session.execute(update(Customer).where(*nameless).values(stripe_id=stripe_id))
        session.refresh(row)
        if row.stripe_id != stripe_id:
            raise UnknownItem(f"{owner!r} has the customer {row.stripe_id!r} already.", field="owner")
