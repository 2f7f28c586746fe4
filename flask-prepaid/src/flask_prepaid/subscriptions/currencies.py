"""What a customer pays in, where something is sold in several currencies; said on the page, before Checkout.

Stripe bills one customer's plans in one currency: while a plan runs, it is that one.
https://docs.stripe.com/billing/customer#currency
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..context import Context
from ..errors import UnknownItem
from ..languages.words import gettext as _
from ..payments.customers import billing_details, countries
from ..payments.models import Payment, PaymentState
from .models import BEGINNING, PlanPrice
from .plan_rows import running


def of(context: Context, owner: str, chosen: str | None = None) -> str:
    """The currency that the owner pays in, wherever something is sold in it.

    That of their plan; else what they have chosen now, or paid in last; that of their country; that of the
    setting; and the first one of the price list.

    :param chosen: What they choose now: any text that a browser sends.
    """
    catalog, session = context.catalog, context.session
    sold = catalog.currencies
    bound = bound_to(session, owner)
    if bound is not None or not sold:
        return bound or catalog.currency
    country = billing_details.details_of(session, owner).country
    wishes = (chosen, _paid_last(session, owner), countries.CURRENCIES.get(country), context.config.currency)
    return next((wish for wish in wishes if wish in sold), sold[0]) or sold[0]


def bound_to(session: Session, owner: str) -> str | None:
    """The currency of the plan that runs, in which Stripe bills all else; ``None`` without one."""
    row = running(session, owner)
    if row is None or row.stripe_id is None or row.state in BEGINNING:
        return None
    return session.get_one(PlanPrice, row.price_id).currency


def binding(context: Context, owner: str) -> str | None:
    """The currency in which the owner pays all, where invoices are made and a plan runs; else ``None``."""
    return bound_to(context.session, owner) if context.config.bills_charges else None


def require_payable(context: Context, owner: str, currency: str, *, field: str = "currency") -> None:
    """
    :raises UnknownItem: Invoices are made, and the owner's plan runs in another currency.
    """
    bound = binding(context, owner)
    if bound not in (None, currency):
        raise UnknownItem(
            _(
                "While your plan runs in %(currency)s, you pay in that. This is not sold in it.",
                currency=bound.upper(),
            ),
            field=field,
        )


def require_as_shown(paid: str, shown: str) -> None:
    """Refuse a form whose price was shown in another currency than it is paid in.

    :raises UnknownItem: It was, as where a plan has begun in another tab.
    """
    if shown != paid:
        words = _("You pay in %(currency)s now. Look at the price again.", currency=paid.upper())
        raise UnknownItem(words, field="currency")


def _paid_last(session: Session, owner: str) -> str | None:
    paid = select(Payment.currency).where(Payment.owner == owner, Payment.state == PaymentState.PAID)
    return session.scalar(paid.order_by(Payment.id.desc()).limit(1))
