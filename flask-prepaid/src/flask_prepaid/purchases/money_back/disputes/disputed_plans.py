"""A plan ends with what is paid of it once a bank doubts a payment for it, before the next one is charged.

A dispute, an inquiry and an early fraud warning say that somebody does not want such charges, or never asked
for them. ``tick`` ends the plan once for each of them; whoever keeps it after that, its customer or an
operator, has decided.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from prepaid_ledger import clock

from .... import signals
from ....context import Context, reading, refuse_uncommitted, transaction, write_now
from ....errors import NotYours
from ....payments.dispute_states import DisputeState
from ....payments.models import Dispute, Payment, Via
from ....subscriptions import changing, plan_state, sync
from ....subscriptions.blocking import CHARGED, IS_BILLED
from ....subscriptions.models import Invoice, PlanPrice, State, Subscription
from ... import stop_reasons
from ..models import FraudWarning

#: What a bank says, and why the plan ends: it can be read after "because".
WHY: dict[type[Dispute] | type[FraudWarning], str] = {
    Dispute: stop_reasons.DISPUTED,
    FraudWarning: stop_reasons.WARNED,
}

#: So much later it is tried again, where Stripe has not ended the plan, or the process was killed.
AGAIN_AFTER = timedelta(minutes=10)

#: The dispute is over, and the money stays here.
OVER = frozenset({DisputeState.WON, DisputeState.WARNING_CLOSED, DisputeState.PREVENTED})


@dataclass(frozen=True)
class DisputedPlan:
    """A plan that will be charged again, and the payment of it that a bank doubts.

    ``owes``: more of it is billed already, which Stripe charges by itself.
    """

    id: int
    stripe_id: str
    owner: str
    payment_id: int
    owes: bool


def note(row: Dispute | FraudWarning, payment: Payment) -> None:
    """Have ``tick`` end the plan that a payment is for, at the first word of its bank."""
    if payment.via is Via.PLAN:
        row.end_plan_at = clock.wall()


def due(context: Context, *, limit: int = 100) -> list[str]:
    """The disputes and warnings of which a plan is to end, by their ids at Stripe."""
    ids: list[str] = []
    for table in WHY:
        waiting = select(table.id).where(table.end_plan_at <= clock.wall()).order_by(table.end_plan_at)
        ids += context.session.scalars(waiting.limit(limit))
    return ids


def end(context: Context, word_id: str) -> None:
    """End the plan that a dispute or a warning is about. Commits.

    Of several processes one does, and no plan is ended that its owner has begun since.

    :raises GatewayRefused: Stripe refuses. It is tried again.
    :raises GatewayUnavailable: Stripe did not answer. It is tried again.
    :raises PlanRefused: It has changed at this moment. It is tried again.
    """
    refuse_uncommitted(context)
    with transaction(context) as session:
        row = _claim(session, word_id)
        if row is None:
            return
        table, plan = type(row), _plan_of(session, row)
    if plan is not None:
        write_now(context, sync.sync(context, plan.stripe_id))  # a bill of it may not be known here yet
        with reading(context) as session:
            plan = _plan_of(session, row)
    ended = _end(context, plan) if plan is not None else None
    with transaction(context) as session:
        session.execute(update(table).where(table.id == word_id).values(end_plan_at=None))
        if plan is not None and ended is not None:
            _announce(session, ended, plan.payment_id, WHY[table])


def _claim(session: Session, word_id: str) -> Dispute | FraudWarning | None:
    """The row, which nobody else takes for a while; ``None`` where somebody has, or all is done."""
    now = clock.wall()
    for table in WHY:
        mine = update(table).where(table.id == word_id, table.end_plan_at <= now)
        claimed = session.scalar(mine.values(end_plan_at=now + AGAIN_AFTER).returning(table.id))
        if claimed is not None:
            return cast(Dispute | FraudWarning, session.get_one(table, claimed, populate_existing=True))
    return None


def _plan_of(session: Session, row: Dispute | FraudWarning) -> DisputedPlan | None:
    """The plan that was paid for; ``None`` where nothing more of it is charged, or the bank has given up."""
    if isinstance(row, Dispute) and row.state in OVER:
        return None
    paid_for = select(Subscription).join(Invoice, Invoice.subscription_id == Subscription.id)
    goes_on = Invoice.payment_id == row.payment_id, Subscription.state.in_(CHARGED)
    plan = session.scalars(paid_for.where(*goes_on)).first()
    if plan is None or plan.stripe_id is None:
        return None
    billed = session.scalar(select(Subscription.id).where(Subscription.id == plan.id, IS_BILLED))
    owes = plan.state is State.PAST_DUE or (billed is not None and plan.pending_until is None)
    if plan_state.ends_unrenewed(plan) and not owes:
        return None
    return DisputedPlan(plan.id, plan.stripe_id, plan.owner, row.payment_id, owes)


def _end(context: Context, plan: DisputedPlan) -> Subscription | None:
    """End it with what is paid; at once where it owes more, which would be charged.

    :return: The plan; ``None`` where its owner has it no more.
    """
    end_plan = changing.cancel_now if plan.owes else changing.cancel_at_end
    with suppress(NotYours):
        return end_plan(context, plan.owner, plan_id=plan.id)
    return None


def _announce(session: Session, plan: Subscription, payment_id: int, reason: str) -> None:
    signals.after_commit(
        session,
        signals.plan_stopped,
        owner=plan.owner,
        subscription_id=plan.id,
        payment_id=payment_id,
        title=session.get_one(PlanPrice, plan.price_id).title,
        reason=reason,
        ends_at=plan.cancel_at,
    )
