"""What a plan owes is tried again as soon as its customer has left or corrected a card.

Stripe's own retries come days apart, and know nothing of a better card.
https://docs.stripe.com/billing/revenue-recovery/smart-retries
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from ..context import Context, reading, refuse_uncommitted, transaction, write_now
from ..errors import CardDeclined, CardNeedsOwner, GatewayRefused
from ..gateway.billing.invoice_values import LastTry
from ..payments.customers.models import Customer, SavedCard
from ..payments.customers.owned import card_on_file
from . import plan_rows, plan_state, sync
from .models import State, Subscription

log = logging.getLogger(__name__)


def is_owed(session: Session, owner: str) -> bool:
    """Whether the owner's plan goes on, with a payment that failed."""
    plan = plan_rows.running(session, owner)
    return plan is not None and plan.state is State.PAST_DUE and plan.collects


def trying(session: Session, owner: str) -> SavedCard | None:
    """The card with which ``tick`` is about to try again what is owed."""
    if not is_owed(session, owner):
        return None
    card_id = session.scalar(select(Customer.retry_card_id).where(Customer.owner == owner))
    return card_on_file(session, owner, card_id) if card_id is not None else None


def last_try(context: Context, plan: Subscription) -> LastTry | None:
    """With what the plan was last tried to be paid, in vain; ``None`` where nothing waits. Commits.

    :raises GatewayUnavailable: Stripe did not answer.
    """
    with reading(context):
        bill = plan_state.owed(context, plan)
        invoice_id = bill.oldest.stripe_id if bill is not None else None
    return context.gateway.invoices.last_try(invoice_id) if invoice_id is not None else None


def note_changed_cards(session: Session, owner: str, changed: Sequence[str], *, default: str | None) -> None:
    """Have ``tick`` try again what is owed, with a card that was just left, corrected or chosen.

    :param changed: The cards that are new, or have a new date, the newest first.
    :param default: The card that pays by default, if it has just become that one.
    """
    plan = plan_rows.running(session, owner)
    if plan is None or not is_owed(session, owner):
        return
    card_id = plan.card_id if plan.card_id in changed else next(iter(changed), None)
    if card_id is None and plan.card_id is None:
        card_id = default
    if card_id is not None:
        _mark(session, owner, card_id)


def note_owed(session: Session, owner: str) -> None:
    """Have ``tick`` try again what is owed, with the card that pays."""
    plan = plan_rows.running(session, owner)
    if plan is not None and is_owed(session, owner):
        _mark(session, owner, plan_rows.payer_id(session, plan))


def _mark(session: Session, owner: str, card_id: str | None) -> None:
    session.execute(update(Customer).where(Customer.owner == owner).values(retry_card_id=card_id))


def due(context: Context, *, limit: int = 100) -> list[str]:
    """The owners whose card has changed while their plan owes money."""
    waiting = select(Customer.owner).where(Customer.retry_card_id.is_not(None)).order_by(Customer.owner)
    return list(context.session.scalars(waiting.limit(limit)))


def retry(context: Context, owner: str) -> None:
    """Pay what the plan owes with the card that has changed, once; it pays the plan from now on. Commits.

    :raises GatewayUnavailable: Stripe did not answer. It stays due.
    """
    refuse_uncommitted(context)
    with reading(context):
        blocked = context.is_blocked(owner)  # the host's function
    with transaction(context) as session:
        card_id = session.scalar(select(Customer.retry_card_id).where(Customer.owner == owner))
        plan = plan_rows.running(session, owner)
        stripe_id = plan.stripe_id if plan is not None and is_owed(session, owner) else None
    if card_id is None:
        return
    if stripe_id is not None and not blocked:
        try:
            _pay(context, stripe_id, card_id)
        except GatewayRefused as refused:
            log.warning("%s was not tried again: %s", stripe_id, refused)
    with transaction(context) as session:  # only now: had we been killed before, the next tick tries again
        same = Customer.owner == owner, Customer.retry_card_id == card_id
        session.execute(update(Customer).where(*same).values(retry_card_id=None))


def _pay(context: Context, stripe_id: str, card_id: str) -> None:
    context.gateway.subscriptions.use_card(stripe_id, card_id)
    for bill in context.gateway.invoices.of_subscription(stripe_id):
        if bill.waits_for_payment:
            with suppress(CardDeclined, CardNeedsOwner):
                context.gateway.invoices.pay(bill.id, card_id)
    write_now(context, sync.sync(context, stripe_id))
