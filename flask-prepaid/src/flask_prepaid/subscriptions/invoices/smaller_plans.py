"""A plan was made smaller at once: Stripe gives money back, and the credits of the rest of the period go."""

from __future__ import annotations

from collections import Counter

from ...context import Context
from ...languages.words import marked
from ..models import Invoice, Subscription
from . import month_refunds, plan_months
from .calendar_months import Window
from .plan_lots import given_in
from .worth import Worth


def take(context: Context, subscription: Subscription, row: Invoice, due: Worth) -> int:
    """Take what an invoice takes, of months to come, of its own and of those that are over; how many."""
    taken, of_lots = 0, Counter[str]()
    for month in due.others:
        if month.credits < 0:
            given_already = plan_months.cut(context, subscription, month)
            taken += -month.credits - given_already
            taken += _take(context, subscription, row, given_already, month.window, of_lots)
    month_refunds.count_again(context, subscription)
    if due.credits < 0:
        taken += _take(context, subscription, row, -due.credits, (due.since, due.ends), of_lots)
    return taken


def _take(
    context: Context,
    subscription: Subscription,
    row: Invoice,
    credits: int,
    window: Window,
    of_lots: Counter[str],
) -> int:
    """A downgrade made at once gave money back: take the credits of the rest of the period; how many.

    Of what was given last first: an upgrade may have brought a part of them. What was given before the
    window is none of it, as Stripe gives money back also for a period that is not paid; nor is what was given
    after it, where the downgrade is heard of late.

    :param of_lots: What this invoice has taken of each lot; it is brought up to date.
    """
    lots = given_in(context.session, subscription.id, window, but=row.id)
    taken = 0
    for number, lot in enumerate(lots, 1):
        part = min(credits - taken, lot.credits - of_lots[lot.key])
        if part > 0:
            # Windows overlap where the plan's period changed, so one lot may come up for two of them.
            is_last, key = number == len(lots), f"invoice:{row.id}:{lot.name}:{window[0]}"
            part = _take_of(context, subscription.owner, lot.key, key, part, keeps_claim=is_last)
            of_lots[lot.key] += part
            taken += part
    return taken


def _take_of(context: Context, owner: str, lot_key: str, key: str, credits: int, *, keeps_claim: bool) -> int:
    """Take up to ``credits`` of what an invoice gave; how many there were to take.

    :param keeps_claim: Whether what was refunded already is taken later, if that refund fails. If not, the
        credits of another invoice make up for it.
    """
    why = marked("The plan was made smaller")
    entry = context.ledger.claw_back(owner, lot_key=lot_key, key=key, credits=credits, reason=why)
    taken = entry.debt - entry.credits
    if taken < credits and not keeps_claim:
        context.ledger.restore(owner, claw_key=key, key=f"{key}:undone", reason=why)
        if taken:
            context.ledger.claw_back(owner, lot_key=lot_key, key=f"{key}:rest", credits=taken, reason=why)
    return taken
