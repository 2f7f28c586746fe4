"""One Stripe customer per owner, also under a double click and after a crash."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import select, update

from ...context import Context, reading, transaction
from ...errors import GatewayRefused, GatewayUnavailable, NotYours, UnknownItem
from .. import timing
from . import contact, unwanted
from .models import Customer
from .rows import forget_customer, removals_of, renew_key, row_of

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
    nothing for a day.

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
    email = context.email_of(owner)  # the host's function may write and commit
    try:
        made = _create(context, owner, email, key)
    except GatewayUnavailable as error:
        if not error.key_is_spent:
            raise
        known_id = context.gateway.customers.find((key, _bare(key)), asked_at - timing.IN_FLIGHT)
        if known_id is None:
            with transaction(context) as session:
                renew_key(session, owner, key)
            raise
        made = {"stripe_id": known_id, "outdated": True}  # made, it may be, with an earlier address
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


def _create(context: Context, owner: str, email: str | None, key: str) -> dict[str, Any]:
    """Have Stripe make a customer; the columns of what it took. An address that it refuses stops no sale."""
    create = context.gateway.customers.create
    try:
        return {"stripe_id": create(owner, email=email, key=key), "refused_email": None}
    except GatewayRefused as refused:
        if email is None or refused.param != "email":
            raise
    log.warning("Stripe does not take the address of %s: its customer is made without", owner)
    return {"stripe_id": create(owner, email=None, key=_bare(key)), "refused_email": email[:255]}


def _bare(key: str) -> str:
    """The key for a customer without an address: under one key Stripe is asked for one thing."""
    return f"{key}-bare"


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
