"""Customers that Stripe has made for nobody, until they are deleted there: they have somebody's address."""

from __future__ import annotations

import logging

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from prepaid_ledger.database import insert

from ...context import Context, transaction
from ...errors import GatewayUnavailable
from .models import UnwantedCustomer

log = logging.getLogger(__name__)


def write_down(context: Context, session: Session, stripe_id: str) -> None:
    """Note a customer that is to be deleted at Stripe. In the caller's transaction."""
    values = {"stripe_id": stripe_id, "made_at": context.clock()}
    session.execute(insert(session, UnwantedCustomer).values(values).on_conflict_do_nothing())


def due(context: Context, *, limit: int = 100) -> list[str]:
    """The customers that are to be deleted at Stripe."""
    oldest = select(UnwantedCustomer.stripe_id).order_by(UnwantedCustomer.made_at, UnwantedCustomer.stripe_id)
    return list(context.session.scalars(oldest.limit(limit)))


def delete_at_stripe(context: Context, stripe_id: str) -> None:
    """Delete a customer at Stripe that was written down. Commits. A repeat does nothing.

    :raises GatewayUnavailable: Stripe did not answer. ``tick`` does it.
    """
    context.gateway.customers.delete(stripe_id)
    with transaction(context) as session:
        session.execute(delete(UnwantedCustomer).where(UnwantedCustomer.stripe_id == stripe_id))


def try_to_delete(context: Context, stripe_id: str) -> None:
    """Delete it now, or leave it to ``tick``. Commits."""
    try:
        delete_at_stripe(context, stripe_id)
    except GatewayUnavailable as error:
        log.warning("the customer %s, whom nobody needs, is not deleted at Stripe yet: %s", stripe_id, error)
