"""Customers that Stripe has made for nobody, until they are deleted there: they have somebody's address."""

from __future__ import annotations

import logging

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from prepaid_ledger.database import insert

from ...context import Context, reading, transaction
from ...errors import GatewayUnavailable
from .. import timing
from . import asking
from .models import UnansweredCustomer, UnwantedCustomer
from .rows import owner_of

log = logging.getLogger(__name__)


def write_down(context: Context, session: Session, stripe_id: str) -> None:
    """Note a customer that is to be deleted at Stripe. In the caller's transaction."""
    values = {"stripe_id": stripe_id, "made_at": context.clock()}
    session.execute(insert(session, UnwantedCustomer).values(values).on_conflict_do_nothing())


def unanswered(context: Context, *, limit: int = 100) -> list[str]:
    """The keys under which Stripe may have made a customer whom nobody needs, and it can be seen by now."""
    arrived = UnansweredCustomer.ended_at < context.clock() - timing.IN_FLIGHT
    waiting = select(UnansweredCustomer.idempotency_key).where(arrived)
    return list(context.session.scalars(waiting.order_by(UnansweredCustomer.ended_at).limit(limit)))


def find_out(context: Context, key: str) -> None:
    """Write down whom Stripe has made under a key that nobody needs any more. Commits.

    :raises GatewayUnavailable: It is not known now.
    """
    with reading(context) as session:
        row = session.get(UnansweredCustomer, key)
        if row is None:  # another tick has found it out
            return
        asked_at = row.asked_at
    made = asking.made_under(context, key, asked_at)
    with transaction(context) as session:
        for stripe_id in made:
            if owner_of(session, stripe_id) is None:
                write_down(context, session, stripe_id)
        session.execute(delete(UnansweredCustomer).where(UnansweredCustomer.idempotency_key == key))


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
