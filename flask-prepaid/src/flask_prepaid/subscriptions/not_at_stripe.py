"""Plans that run here, and that Stripe does not have: its account is another one, or their data was deleted.

Nothing of them renews, and no event tells of them; their customers could neither end them nor choose another.
What a paid invoice gives month by month goes on.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select

from .. import signals
from ..context import Context, reading, refuse_uncommitted, transaction
from ..languages.words import marked
from . import history
from .models import ENDED, NOT_AT_STRIPE, PlanPrice, State, Subscription
from .plan_rows import lock

#: Why such a plan has ended; it can be read after "because".
REASON = marked("we charge plans by another account now")

#: So many plans are looked for, where some say enough.
SAMPLE = 5


def some(context: Context) -> list[str]:
    """The owners of a few plans that Stripe does not have, of those that should renew first."""
    with reading(context):
        rows = _running(context, limit=SAMPLE)
    return [owner for _, owner, stripe_id in rows if not _is_at_stripe(context, stripe_id)]


def end_all(context: Context) -> list[str]:
    """End all of them here, and announce it; their owners. Commits.

    :raises GatewayUnavailable: Stripe did not answer. What it said of the others is kept.
    """
    refuse_uncommitted(context)
    return list(_end_all(context))


def _end_all(context: Context) -> Iterator[str]:
    with reading(context):
        rows = _running(context)
    at_stripe = {subscription.id for subscription in context.gateway.subscriptions.all(None)}
    for row_id, owner, stripe_id in rows:
        if stripe_id not in at_stripe and not _is_at_stripe(context, stripe_id):
            _end(context, row_id)
            yield owner


def _running(context: Context, limit: int | None = None) -> list[tuple[int, str, str]]:
    """Row, owner and Stripe's id of the plans that run, those first that should renew first."""
    has_begun = Subscription.stripe_id.is_not(None), Subscription.state.not_in(ENDED)
    rows = select(Subscription.id, Subscription.owner, Subscription.stripe_id).where(*has_begun)
    soonest = rows.order_by(Subscription.period_end, Subscription.id).limit(limit)
    return [(row_id, owner, str(stripe_id)) for row_id, owner, stripe_id in context.session.execute(soonest)]


def _is_at_stripe(context: Context, stripe_id: str) -> bool:
    return context.gateway.subscriptions.fetch(stripe_id) is not None


def _end(context: Context, row_id: int) -> None:
    with transaction(context) as session:
        row = lock(session, row_id)
        if row.state in ENDED:  # an event came meanwhile
            return
        before, now = row.state, context.clock()
        row.state, row.end_reason, row.ended_at = State.CANCELED, NOT_AT_STRIPE, now
        row.cancel_at = row.pending_until = row.check_at = None
        row.next_price_id = row.next_quantity = row.next_at = None
        session.flush()
        history.note(context, row, at=now)
        plan = {"owner": row.owner, "subscription_id": row.id}
        signals.after_commit(session, signals.plan_changed, before=before, after=row.state, **plan)
        title = session.get_one(PlanPrice, row.price_id).title
        signals.after_commit(
            session, signals.plan_stopped, payment_id=None, title=title, reason=REASON, ends_at=None, **plan
        )
