"""Who gets a free trial, and for how many days: one for each owner, of whichever plan."""

from __future__ import annotations

from sqlalchemy import select

from ...catalog import Plan
from ...context import Context
from ...errors import PlanRefused
from ..models import Subscription
from . import trial_cards


def had_trial(context: Context, owner: str) -> bool:
    """Whether the owner, or a card of theirs, has ever had a trial of whichever plan; or may have none."""
    if not context.may_try(owner):
        return True
    session = context.session
    tried = select(Subscription.id).where(Subscription.owner == owner, Subscription.trial_end.is_not(None))
    return session.scalar(tried.limit(1)) is not None or trial_cards.on_file(context, owner)


def trial_days(context: Context, owner: str, plan: Plan, *, promised: bool) -> int:
    """How many days of a trial the owner gets.

    :raises PlanRefused: A trial was promised, and there is none for them.
    """
    days = plan.trial_days if not had_trial(context, owner) else 0
    if promised and not plan.trial_days:
        raise PlanRefused("This plan has no free trial. You can subscribe without.")
    if promised and not days:
        raise PlanRefused(
            "You have had your free trial, or a card of yours has begun one. You can subscribe without."
        )
    return days
