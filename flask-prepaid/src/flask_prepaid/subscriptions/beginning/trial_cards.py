"""One free trial for each card, whoever has it: known by the fingerprint that Stripe gives its number.

A card on file is checked before a trial is offered. One that is given on Stripe's page is
known when the trial has begun: if it has begun another customer's, this one ends at once, free of
charge and without credits. https://docs.stripe.com/api/cards/object#card_object-fingerprint
"""

from __future__ import annotations

from contextlib import suppress

from sqlalchemy import select

from prepaid_ledger.database import insert

from ...context import Context
from ...errors import GatewayRefused
from ...gateway.billing.subscription_values import StripeSubscription
from ...payments.customers.models import SavedCard
from ...payments.models import TrialCard
from ..models import CARD_HAD_TRIAL, PlanPrice, State, Subscription


def on_file(context: Context, owner: str) -> bool:
    """Whether a card that the owner has on file has begun somebody else's trial."""
    if not context.config.trial_per_card:
        return False
    tried = (
        select(TrialCard.fingerprint)
        .join(SavedCard, SavedCard.fingerprint == TrialCard.fingerprint)
        .where(SavedCard.owner == owner, TrialCard.owner != owner)
    )
    return context.session.scalar(tried.limit(1)) is not None


def must_end(context: Context, row: Subscription, subscription: StripeSubscription) -> bool:
    """Keep the card that a trial began with; whether that card has begun another one, so that this must end.

    Only the card that a trial begins with counts; Stripe may show it a moment after the trial. Of a trial
    that was given in Stripe's dashboard it is noted, no more.
    """
    if subscription.status != State.TRIALING:
        return False
    session = context.session
    fingerprint = subscription.fingerprint
    begins = row.fetched_at is None or (row.card_id is None and _needs_card(context, row))
    if begins and fingerprint and context.config.trial_per_card:
        fresh = {"fingerprint": fingerprint, "owner": row.owner, "tried_at": context.clock()}
        session.execute(insert(session, TrialCard).values(fresh).on_conflict_do_nothing())
        first = session.get_one(TrialCard, fingerprint, populate_existing=True)
        if row.trial_days and first.owner != row.owner:
            row.end_reason = (
                CARD_HAD_TRIAL  # committed before Stripe is asked: after a crash, a later sync ends it
            )
    return row.end_reason == CARD_HAD_TRIAL


def _needs_card(context: Context, row: Subscription) -> bool:
    plan = context.catalog.plans.get(context.session.get_one(PlanPrice, row.price_id).plan)
    return plan is not None and plan.trial_needs_card


def end(context: Context, subscription: StripeSubscription) -> StripeSubscription:
    """End the trial at Stripe, and fetch it again."""
    with suppress(GatewayRefused):  # somebody who saw the same has ended it
        context.gateway.subscriptions.cancel_now(subscription.id)
    return context.gateway.subscriptions.fetch(subscription.id) or subscription
