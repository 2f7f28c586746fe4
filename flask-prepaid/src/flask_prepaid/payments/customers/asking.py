"""Under which key Stripe is asked for an owner's customer, and whom it has made under a key.

A key is asked under for an hour, so that whom Stripe made is found among the few of that time; and Stripe
forgets a key after a day, and then makes a second customer under it.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import update

from prepaid_ledger.database import insert

from ...context import Context
from .. import timing
from .models import Customer, UnansweredCustomer

#: So long Stripe is asked under one key.
ONE_KEY_LASTS = timedelta(hours=1)


def new_key() -> dict[str, Any]:
    """The columns of a new key, under which Stripe has not been asked for a customer yet."""
    return {"idempotency_key": f"prepaid-customer-{secrets.token_hex(16)}", "asked_at": None}


def bare(key: str) -> str:
    """The key for a customer without an address: under one key Stripe is asked for one thing."""
    return f"{key}-bare"


def is_used_up(context: Context, asked_at: datetime) -> bool:
    """Whether Stripe is no more asked under a key under which it was first asked then."""
    return context.clock() - asked_at > ONE_KEY_LASTS


def made_under(context: Context, key: str, asked_at: datetime) -> list[str]:
    """The ids of those whom Stripe has made under a key, newest first.

    :param asked_at: When it was first asked under it, by the app's clock, which goes as Stripe's does.
    """
    last = asked_at + ONE_KEY_LASTS + timing.IN_FLIGHT
    return context.gateway.customers.made_with((key, bare(key)), asked_at - timing.IN_FLIGHT, last)


def renew_key(context: Context, owner: str, key: str) -> None:
    """Let Stripe be asked under another key, for an owner who has no customer under this one.

    One whom it has made under this one in spite of its answer, or still makes, is nobody's: ``tick`` looks
    for them once no request can be on its way, and deletes them.
    """
    nameless = Customer.owner == owner, Customer.idempotency_key == key, Customer.stripe_id.is_(None)
    session, fresh = context.session, new_key()
    # Whoever has the row's lock knows that nobody has been found under the key.
    held = update(Customer).where(*nameless).values(idempotency_key=fresh["idempotency_key"])
    asked_at = session.scalar(held.returning(Customer.asked_at))
    if asked_at is not None:
        lost = {"idempotency_key": key, "asked_at": asked_at, "ended_at": context.clock()}
        session.execute(insert(session, UnansweredCustomer).values(lost).on_conflict_do_nothing())
        session.execute(update(Customer).where(Customer.owner == owner).values(asked_at=None))
