"""What an owner has begun before and not paid: it is closed before another plan begins."""

from __future__ import annotations

from ...context import Context, reading, transaction, write_now
from ...errors import GatewayRefused, PlanRefused
from ...languages.words import marked
from ...payments import timing
from .. import plan_rows, sync
from ..models import BEGINNING, State, Subscription
from .unanswered import check_with_stripe, give_up

#: How often what was begun before is fetched anew, while it changes under our hands.
CLOSING_TRIES = 3

ONE_PLAN = marked("You have a plan already. Change it on this page; a second one is not needed.")


def close_unpaid(context: Context, owner: str, key: str) -> None:
    """Close what the owner has begun and not paid, so that it can never be paid beside the new one. Commits.

    What begins meanwhile is met by the INSERT that follows.

    :raises PlanRefused: The owner has a plan.
    """
    for _try in range(CLOSING_TRIES):
        with reading(context) as session:
            row = plan_rows.running(session, owner)
            if row is None or row.idempotency_key == key:
                return
            if row.state not in BEGINNING:
                raise PlanRefused(ONE_PLAN)
            row_id = row.id
        check_with_stripe(context, row_id)
        _close(context, row)


def _close(context: Context, row: Subscription) -> None:
    """End what has begun, at Stripe first; what was paid by now, or has a page by now, is left. Commits.

    :raises PlanRefused: A bank is being asked.
    """
    with reading(context) as session:
        session.refresh(row)
        if row.state not in BEGINNING:
            return
        age = context.clock() - row.created_at
        if row.state is State.REQUESTED and row.card_id and age <= timing.IN_FLIGHT:
            raise PlanRefused(
                "Your last choice is still on its way to your bank. Try again in a few minutes."
            )
        session_id, stripe_id = row.session_id, row.stripe_id
    try:
        if stripe_id is not None:
            context.gateway.subscriptions.cancel_now(stripe_id)
        elif session_id is not None:
            context.gateway.plan_pages.close(session_id)
    except GatewayRefused:  # it was paid, or has ended, in this moment: the next check tells
        return
    if stripe_id is not None:
        write_now(context, sync.sync(context, stripe_id))
    else:
        with transaction(context):
            give_up(context, row, closed=session_id)
