"""Whom a customer's invoices are for, kept in step with Stripe: changed here, on Checkout, or in its portal.

Stripe has them; ours is a copy, to show and to know the country by.
"""

from __future__ import annotations

from functools import partial

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from ...context import Context, Write, nothing, reading, refuse_uncommitted, write_now
from ...errors import GatewayRefused, UnknownItem
from ...gateway.billing.billing_details import BillingDetails, StripeBilling
from ...languages.choice import locale
from ...languages.words import gettext as _
from ...languages.words import marked
from . import countries
from .making import with_customer
from .models import Customer
from .rows import known_customer, removals_of

#: The columns of ``Customer`` with the same names as the fields.
FIELDS = tuple(BillingDetails.__dataclass_fields__)

#: As long as the columns are. On Stripe's page a customer may write more.
MAX_TEXT, MAX_TAX_ID = 255, 64

NO_ADDRESS = marked(
    "Your billing address is needed to find the tax. Write it on the billing page, or pay with another card "
    "on the next page."
)


def details_of(session: Session, owner: str) -> BillingDetails:
    """Whom the owner's invoices are for, as far as it is known here."""
    row = session.get(Customer, owner)
    if row is None:
        return BillingDetails()
    return _of_row(row)


def _of_row(row: Customer) -> BillingDetails:
    return BillingDetails(**{name: getattr(row, name) or "" for name in FIELDS})


def save(context: Context, owner: str, details: BillingDetails) -> None:
    """Let the owner's invoices be for these from now on, here and at Stripe. Commits.

    The type of a new tax id follows from the country; one that stays as it is keeps its own.

    :raises UnknownItem: Stripe takes the tax id, or a line of the address, for none.
    :raises NotYours: The host has removed the customer meanwhile.
    :raises GatewayUnavailable: Stripe did not answer. Nothing is changed here.
    """
    refuse_uncommitted(context)
    with reading(context) as session:
        before, removals = details_of(session, owner), removals_of(session, owner)
    kind: str | None
    if (details.country, details.tax_id) == (before.country, before.tax_id):
        kind, number = before.tax_id_type, before.tax_id
    else:
        kind, number = countries.tax_id_of(details.country, details.tax_id) if details.tax_id else (None, "")
    texts = {name: getattr(details, name) for name in FIELDS}
    whole = BillingDetails(**{**texts, "tax_id": number, "tax_id_type": kind or ""})
    try:
        saved = with_customer(
            context,
            owner,
            lambda customer_id: context.gateway.billing_details.set(customer_id, whole),
            removals=removals,
        )
    except GatewayRefused as refused:
        if refused.reason == "tax_id_invalid":
            where = locale().territories.get(details.country, "")
            words = _("This is no tax id of %(country)s. Look at it again.", country=where)
            raise UnknownItem(words, field="tax_id") from None
        raise
    if saved is not None:
        write_now(context, partial(_copy, context, saved))


def sync(context: Context, customer_id: str) -> Write[None]:
    """Fetch whom a customer's invoices are for; what is returned copies it."""
    billing = context.gateway.billing_details.fetch(customer_id)
    return partial(_copy, context, billing) if billing is not None else nothing


def sync_tax_id(context: Context, ref: str) -> Write[None]:
    """Fetch whom invoices are for of the customer who has, or had, a tax id; what is returned copies it."""
    customer_id = context.gateway.billing_details.customer_of_tax_id(ref)
    if customer_id is None:  # it was deleted: our copy knows whose it was
        with reading(context) as session:
            customer_id = session.scalar(select(Customer.stripe_id).where(Customer.tax_id_ref == ref))
    return sync(context, customer_id) if customer_id is not None else nothing


def differs(session: Session, billing: StripeBilling) -> str | None:
    """The owner whose copy here is another than what Stripe has; ``None`` where they are the same."""
    row = session.scalar(select(Customer).where(Customer.stripe_id == billing.customer_id))
    if row is None:
        return None
    there = BillingDetails(**{name: value or "" for name, value in _texts(billing).items()})
    return row.owner if _of_row(row) != there else None


def require_address(context: Context, owner: str) -> None:
    """Refuse to charge a card on file where tax is added and nobody knows of which country. Commits.

    :raises UnknownItem: Stripe knows no address of the customer either.
    """
    if not context.config.automatic_tax:
        return
    if not has_address(context, owner):
        raise UnknownItem(NO_ADDRESS, field="saved_card")


def has_address(context: Context, owner: str) -> bool:
    """Whether the owner's country is known; where it is not here, Stripe is asked. Commits."""
    with reading(context) as session:
        country = session.scalar(select(Customer.country).where(Customer.owner == owner))
        customer_id = known_customer(session, owner)
    if country or customer_id is None:
        return bool(country)
    write_now(context, sync(context, customer_id))
    with reading(context) as session:
        return bool(session.scalar(select(Customer.country).where(Customer.owner == owner)))


def _copy(context: Context, billing: StripeBilling) -> None:
    """Let the copy be what was fetched, unless a later fetch has written it."""
    fresh = or_(Customer.billing_fetched_at.is_(None), Customer.billing_fetched_at <= billing.asked_at)
    context.session.execute(
        update(Customer)
        .where(Customer.stripe_id == billing.customer_id, fresh)
        .values(
            **_texts(billing),
            tax_id_ref=billing.tax_id_ref,
            tax_id_status=billing.tax_id_status,
            billing_fetched_at=billing.asked_at,
        )
    )


def _texts(billing: StripeBilling) -> dict[str, str | None]:
    """What was fetched, cut to the columns."""
    lengths = {"country": 2, "tax_id": MAX_TAX_ID, "tax_id_type": MAX_TAX_ID}
    return {name: getattr(billing.details, name)[: lengths.get(name, MAX_TEXT)] or None for name in FIELDS}
