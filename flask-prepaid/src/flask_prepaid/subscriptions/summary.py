"""How an owner's plan stands, for a host to show."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ..context import Context
from . import subscribing, sync
from .models import State


@dataclass(frozen=True)
class PlanStanding:
    """An owner's plan. ``state`` is Stripe's word, or ours before it has begun.

    ``paid_until`` is when its period ends, and it renews if ``ends_at`` does not say otherwise.
    """

    slug: str
    title: str
    quantity: int
    state: str
    paid_until: datetime | None
    ends_at: datetime | None


def standing(context: Context, owner: str) -> PlanStanding | None:
    """The owner's plan, or ``None`` without one that has begun and not ended."""
    row = sync.running(context.session, owner)
    if row is None or row.state in (State.REQUESTED, State.OPEN):
        return None
    terms = subscribing.terms(context, row)
    return PlanStanding(terms.plan, terms.title, row.quantity, str(row.state), row.period_end, row.cancel_at)
