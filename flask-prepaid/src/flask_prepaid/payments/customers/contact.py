"""Where and in which language Stripe writes to a customer: as the host says, once Stripe has taken it."""

from __future__ import annotations

import logging

from sqlalchemy import select, text, update

from prepaid_ledger import check_owner

from ...context import Context, reading, refuse_uncommitted, transaction
from ...errors import GatewayRefused, GatewayUnavailable
from .models import Customer
from .rows import known_customer

log = logging.getLogger(__name__)


def sync(context: Context, owner: str) -> None:
    """Bring the owner's Stripe customer to the address and the language that the host has now. Commits.

    Where Stripe does not answer, or was asked very often for this owner, ``tick`` does it later.

    :raises ValueError: No such owner can be.
    """
    check_owner(owner)
    refuse_uncommitted(context)
    with transaction(context) as session:
        known = Customer.owner == owner, Customer.stripe_id.is_not(None)
        session.execute(update(Customer).where(*known).values(outdated=True))
    if not context.gateway.ask_limit.may(owner):
        return
    try:
        bring_up_to_date(context, owner)
    except (GatewayRefused, GatewayUnavailable) as error:
        log.warning("Stripe does not have what is new of %s yet: %s", owner, error)


def outdated(context: Context, *, limit: int = 100) -> list[str]:
    """The owners of whom Stripe has not taken over yet what is new."""
    waiting = select(Customer.owner).where(text("outdated"), Customer.stripe_id.is_not(None))
    return list(context.session.scalars(waiting.order_by(Customer.owner).limit(limit)))


def bring_up_to_date(context: Context, owner: str) -> None:
    """Let Stripe have the address and the language that the host has, if it takes them. Commits.

    :raises GatewayUnavailable: Stripe did not answer. ``tick`` does it.
    """
    with reading(context) as session:
        customer_id = known_customer(session, owner)
    if customer_id is None:
        return
    email = context.email_of(owner)  # the host's function may write and commit
    refused = _set_email(context, customer_id, email)
    while (latest := context.email_of(owner)) != email:  # it has changed once more
        email, refused = latest, _set_email(context, customer_id, latest)
    _set_language(context, owner, customer_id)
    with transaction(context) as session:
        ours = Customer.owner == owner, Customer.stripe_id == customer_id
        values = {"outdated": False, "refused_email": refused}
        session.execute(update(Customer).where(*ours).values(values))


def _set_email(context: Context, customer_id: str, email: str | None) -> str | None:
    """The address that Stripe did not take. It keeps the earlier one then, which it lets nobody take away."""
    if email is None:
        return None
    try:
        context.gateway.customers.set_email(customer_id, email)
    except GatewayRefused as refused:
        if refused.param != "email":
            raise
        log.warning("Stripe does not take the new address of %s", customer_id)
        return email[:255]
    return None


def _set_language(context: Context, owner: str, customer_id: str) -> None:
    """Let Stripe write in the language that the host says now, if it takes that. Commits."""
    chosen = new_language(context, owner)
    if chosen is None:
        return
    try:
        context.gateway.customers.set_language(customer_id, chosen)
    except GatewayRefused as refused:
        log.warning("Stripe does not write to %s in %s: %s", owner, chosen, refused)
    with transaction(context) as session:
        session.execute(update(Customer).where(Customer.owner == owner).values(language=chosen))


def is_outdated(context: Context, owner: str, email_at_stripe: str | None) -> bool:
    """Whether Stripe has another address than the host, which knows one that Stripe takes."""
    email = context.email_of(owner)
    with reading(context) as session:
        row = session.get(Customer, owner)
        refused = row.refused_email if row is not None else None
    if email is None or email[:255] == refused:
        return False
    return email.casefold() != (email_at_stripe or "").casefold()


def new_language(context: Context, owner: str) -> str | None:
    """The language that the host says of the owner, where Stripe has not heard of it."""
    if len(context.config.languages) == 1:
        return None
    chosen = context.language_of(owner)  # the host's function
    with reading(context) as session:
        at_stripe = session.scalar(select(Customer.language).where(Customer.owner == owner))
    return None if chosen == at_stripe else chosen


def language_of(context: Context, owner: str) -> str:
    """The language of what is written to an owner: what the host says, else the one they bought in last."""
    chosen = context.language_of(owner)
    if chosen is None:
        remembered = select(Customer.language).where(Customer.owner == owner)
        chosen = context.session.scalar(remembered)
    offered = context.config.languages
    return chosen if chosen in offered else offered[0]


def remember_language(context: Context, owner: str, customer_id: str) -> None:
    """Write to the customer in the language that they buy in: our mails, and Stripe's. Commits.

    Where Stripe does not take it, only its own mails and invoices stay in another language.
    """
    language = context.reader_language
    if language is None:
        return
    with transaction(context) as session:
        other = Customer.owner == owner, Customer.language.is_distinct_from(language)
        changed = session.execute(
            update(Customer).where(*other).values(language=language).returning(Customer.owner)
        ).first()
    if changed is None:
        return
    try:
        context.gateway.customers.set_language(customer_id, language)
    except (GatewayRefused, GatewayUnavailable) as error:
        log.warning("Stripe does not know that %s reads %s: %s", owner, language, error)
