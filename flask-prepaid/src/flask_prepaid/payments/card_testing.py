"""Against card testers: how often may be tried to pay, or to leave a card, within an hour.

Counted by customer, by the address that they come from, and by what the banks declined of all
together. https://docs.stripe.com/disputes/prevention/card-testing
"""

from __future__ import annotations

import logging
from datetime import timedelta

from sqlalchemy import Select, delete, func, or_, select

from prepaid_ledger import check_owner
from prepaid_ledger.database import take_turns

from ..context import Context, transaction
from ..errors import BuyingPaused, TooManyAttempts
from .models import Attempt, Payment, PaymentState

log = logging.getLogger(__name__)

LATELY = timedelta(hours=1)
KEPT = timedelta(days=1)


def count_attempt(context: Context, owner: str) -> None:
    """Count one attempt, or refuse it before Stripe hears of it. A refused one is rolled back by the caller.

    :raises TooManyAttempts: This customer, this address, or all together have tried too often.
    :raises BuyingPaused: Nothing is sold at the moment.
    :raises ValueError: The ledger has no wallet for such an owner, so nothing may be taken from one.
    """
    check_owner(owner)
    session, config = context.session, context.config
    refuse_unless_selling(context)
    address = context.address if config.attempts_per_address else None
    if config.attempts_per_hour or address:
        take_turns(session, *(f"prepaid_attempt:{name}" for name in (owner, address) if name))
        session.add(Attempt(owner=owner, address=address, at=context.clock()))
        session.flush()
    for limit, count, whose in (
        (config.attempts_per_hour, _begun(context).where(Attempt.owner == owner), owner),
        (
            config.attempts_per_address if address else 0,
            _begun(context).where(Attempt.address == address),
            address,
        ),
    ):
        if limit and (session.scalar(count) or 0) > limit:
            raise _too_many(limit, whose)
    if config.declines_per_hour and (session.scalar(_declined(context)) or 0) >= config.declines_per_hour:
        raise _too_many(config.declines_per_hour, "all together")


def refuse_unless_selling(context: Context) -> None:
    """
    :raises BuyingPaused: Nothing is sold at the moment.
    """
    if not context.config.selling:
        raise BuyingPaused("Buying is paused. Nothing was charged; your credits can be spent as ever.")


def _too_many(limit: int, whose: str | None) -> TooManyAttempts:
    log.warning("payments are refused: %s within an hour, by %s", limit, whose)
    return TooManyAttempts(
        "Too many payments were tried lately. Try again in an hour.",
        retry_after_s=int(LATELY.total_seconds()),
    )


def _begun(context: Context) -> Select[int]:
    return select(func.count()).select_from(Attempt).where(Attempt.at > context.clock() - LATELY)


def _declined(context: Context) -> Select[int]:
    lately = (
        select(func.count())
        .select_from(Payment)
        .where(
            Payment.created_at > context.clock() - LATELY,
            Payment.payment_intent_id.is_not(None),  # what Stripe itself refuses, no bank was asked about
        )
    )
    # A page of Stripe's on which a card was declined stays open: its reason tells.
    return lately.where(or_(Payment.state == PaymentState.FAILED, Payment.failure.is_not(None)))


def forget(context: Context) -> None:
    """Delete the attempts that count no more. Commits."""
    with transaction(context) as session:
        session.execute(delete(Attempt).where(Attempt.at < context.clock() - KEPT))
