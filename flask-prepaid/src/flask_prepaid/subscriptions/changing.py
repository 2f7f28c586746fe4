"""Change a plan, cancel and keep it, pause and go on, and pay what it owes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from ..catalog import Plan
from ..context import Context, reading, refuse_uncommitted, transaction
from ..errors import CardDeclined, CardNeedsOwner, GatewayRefused, PlanRefused
from ..gateway.billing.invoice_values import StripeInvoice
from ..gateway.billing.subscription_values import PriceChoice, StripeSubscription
from ..languages.words import marked
from ..payments import card_testing
from . import plan_rows, plan_state, previews, prices
from .beginning import subscribing
from .models import InvoiceState, PlanPrice, State, Subscription

#: Why nothing is charged for a plan of which a page showed a smaller sum, as one that was open for long.
COSTS_MORE = marked("It costs more now than was shown. Nothing is charged yet: look at your plan again.")

#: Why a plan is not resumed once more, while a debit for it is on its way.
BANK_IS_ASKED = marked("Your bank has not confirmed the payment yet. Do not pay again: wait for its answer.")

#: Something that is done with an owner's plan.
Verb = Callable[[Context, str], Subscription]


@prices.sold_at_stripe()
def change(
    context: Context,
    owner: str,
    plan: Plan,
    quantity: int,
    *,
    proration_date: int,
    due_minor: int,
    next_minor: int | None = None,
) -> Subscription:
    """Change the plan as it was previewed. Commits. A repeat does nothing.

    :param proration_date: The preview's.
    :param due_minor: What the preview showed is charged now; if that is not so any more, nothing changes.
    :param next_minor: What it showed is charged next at most; ``None`` is any.
    :raises PlanRefused: The plan can't be changed now, or the preview does not hold any more.
    """
    changed = _changed_before(context, owner, plan, quantity)
    if changed is not None:
        return changed
    with transaction(context):
        card_testing.count_attempt(context, owner)
    shown = previews.preview(context, owner, plan, quantity, proration_date=proration_date)
    is_dearer = next_minor is not None and shown.next_minor > next_minor
    if shown.due_minor != due_minor or is_dearer:
        raise PlanRefused("What this change costs is not what was shown. Look at the new preview first.")
    row, subscription = plan_state.fetch(context, owner, "change")
    price = previews.target(context, row, plan, quantity)
    with reading(context):
        wanted, in_trial = (price.id, quantity), row.state is State.TRIALING
        key = _change_key(row, wanted, proration_date)
    if not shown.at_once:
        context.gateway.schedules.change_later(subscription, wanted, plan.period)
    else:
        if subscription.schedule_id is not None:
            context.gateway.schedules.release(subscription.schedule_id)
        since = None if in_trial else proration_date
        context.gateway.subscriptions.change_now(subscription, wanted, proration_date=since, key=key)
    return plan_state.synced(context, row, subscription)


def _changed_before(context: Context, owner: str, plan: Plan, quantity: int) -> Subscription | None:
    """The owner's plan, where it is this one already and nothing else is to come."""
    refuse_uncommitted(context)
    with reading(context) as session:
        row = plan_rows.running(session, owner)
        if row is None or row.state not in plan_state.MOVES["change"] or row.quantity != quantity:
            return None
        terms = session.get_one(PlanPrice, row.price_id)
        is_same = prices.stands_for(terms, plan.sold_in(terms.currency))
        to_come = row.next_price_id or row.pending_until or row.cancel_at
        return row if is_same and not to_come else None


def _change_key(row: Subscription, wanted: PriceChoice, proration_date: int) -> str:
    """The idempotency key of a change: the same one, sent again, changes once."""
    wish = f"{row.id}\n{wanted[0]}\n{wanted[1]}\n{proration_date}"
    return f"prepaid-change-{hashlib.sha256(wish.encode()).hexdigest()[:40]}"


def keep(context: Context, owner: str) -> Subscription:
    """Undo what is to come: a change that waits to be paid, a smaller plan, or the end itself. Commits."""
    row, subscription = plan_state.fetch(context, owner, "keep")
    if subscription.pending_until is not None:
        _drop_pending(context, row, subscription)
    elif subscription.schedule_id is not None:
        context.gateway.schedules.release(subscription.schedule_id)
    else:
        context.gateway.subscriptions.keep(subscription)
    return plan_state.synced(context, row, subscription)


def cancel_at_end(context: Context, owner: str, *, plan_id: int | None = None) -> Subscription:
    """Let the plan end with the period that is paid. What was to change is forgotten. Commits.

    :param plan_id: The row of the plan that is meant, where it is not whichever the owner has.
    """
    row, subscription = plan_state.fetch(context, owner, "cancel at the period's end", plan_id=plan_id)
    if subscription.pending_until is not None:
        _drop_pending(context, row, subscription)
    if subscription.schedule_id is not None:
        context.gateway.schedules.release(subscription.schedule_id)
    context.gateway.subscriptions.end_with_period(subscription.id)
    return plan_state.synced(context, row, subscription)


def _drop_pending(context: Context, row: Subscription, subscription: StripeSubscription) -> None:
    """Void the invoice of a change that waits to be paid, and the change goes with it.

    https://docs.stripe.com/billing/subscriptions/pending-updates#canceling-changing
    """
    assert subscription.latest_invoice_id is not None, "a change that waits has an invoice"
    try:
        context.gateway.invoices.void(subscription.latest_invoice_id)
    except GatewayRefused:
        plan_state.synced(context, row, subscription)
        raise PlanRefused("Your change was just paid, or is over. Look at your plan again.") from None


def cancel_now(context: Context, owner: str, *, plan_id: int | None = None) -> Subscription:
    """End the plan at once. Commits. A repeat within a minute does nothing.

    Nothing is paid back, what is still owed is dropped, and credits stay until they lapse.

    :param plan_id: The row of the plan that is meant, where it is not whichever the owner has.
    """
    ended = _done_before(context, owner, "cancel now") if plan_id is None else None
    if ended is not None:
        return ended
    row, subscription = plan_state.fetch(context, owner, "cancel now", plan_id=plan_id)
    context.gateway.subscriptions.cancel_now(subscription.id)
    for bill in context.gateway.invoices.of_subscription(subscription.id):
        if bill.status == InvoiceState.OPEN:
            _void(context, bill)
    return plan_state.synced(context, row, subscription)


def _void(context: Context, bill: StripeInvoice) -> None:
    """Drop what is owed; what a bank has been asked for already, Stripe may not let go any more."""
    try:
        context.gateway.invoices.void(bill.id)
    except GatewayRefused:
        if not bill.under_way:
            raise


def pause(context: Context, owner: str) -> Subscription:
    """Stop renewing. What is paid stays, and so do its credits until they lapse. Commits.

    A repeat does nothing.
    """
    paused = _done_before(context, owner, "pause")
    if paused is not None:
        return paused
    row, subscription = plan_state.fetch(context, owner, "pause")
    if subscription.schedule_id is not None:
        context.gateway.schedules.release(subscription.schedule_id)
    context.gateway.subscriptions.pause(subscription.id)
    return plan_state.synced(context, row, subscription)


def unpause(
    context: Context, owner: str, *, card_id: str | None = None, max_minor: int | None = None
) -> Subscription:
    """Go on after a pause: in the period that is paid, or in a new one that is paid now. Commits.

    A repeat does nothing.

    :param card_id: Pays from now on; by default the card that paid before.
    :param max_minor: What was shown that it costs now, in the smallest unit; ``None`` is any sum.
    :raises PlanRefused: It costs more, the plan is not paused, or a bank has not answered yet.
    """
    resumed = _done_before(context, owner, "unpause")
    if resumed is not None and card_id in (None, "", resumed.card_id):
        return resumed
    if card_id:
        subscribing.check_card(context, owner, card_id)
    row, subscription = plan_state.fetch(context, owner, "unpause")
    with reading(context):
        is_being_paid = plan_state.under_way(context, row) is not None
    if is_being_paid:
        raise PlanRefused(BANK_IS_ASKED)
    if max_minor is not None and (previews.resumption_minor(context, row) or 0) > max_minor:
        raise PlanRefused(COSTS_MORE)
    if card_id:
        context.gateway.subscriptions.use_card(subscription.id, card_id)
    with reading(context):
        key = f"prepaid-unpause-{row.id}-{int(context.clock().timestamp())}"
        anew = plan_state.is_over(context, row)
    context.gateway.subscriptions.resume(subscription.id, anew=anew, key=key)
    return plan_state.synced(context, row, subscription)


def _done_before(context: Context, owner: str, verb: str) -> Subscription | None:
    refuse_uncommitted(context)
    with reading(context):
        return plan_state.done_before(context, owner, verb)


def use_card(context: Context, owner: str, card_id: str, *, max_minor: int | None = None) -> Subscription:
    """Pay the plan with this card from now on, and what is owed at once. Commits.

    :param max_minor: What was shown that is owed, in the smallest unit; ``None`` is any sum.
    :raises PlanRefused: More is owed, or the plan can't be paid now.
    :raises UnknownItem: The card is not on file.
    :raises CardDeclined: The bank said no to what is owed. The card pays the plan all the same.
    :raises CardNeedsOwner: The bank wants its customer to confirm it. The card pays the plan all the same.
    """
    subscribing.check_card(context, owner, card_id)
    with transaction(context):
        card_testing.count_attempt(context, owner)
    row, subscription = plan_state.fetch(context, owner, "pay")
    bills = context.gateway.invoices.of_subscription(subscription.id)
    owed = [bill for bill in bills if bill.waits_for_payment]
    if max_minor is not None and sum(bill.due_minor for bill in owed) > max_minor:
        raise PlanRefused(COSTS_MORE)
    if subscription.status != State.INCOMPLETE:
        context.gateway.subscriptions.use_card(subscription.id, card_id)
    refusals: list[CardDeclined | CardNeedsOwner] = []
    for bill in owed:
        try:
            context.gateway.invoices.pay(bill.id, card_id)
        except (CardDeclined, CardNeedsOwner) as refusal:
            refusals.append(refusal)
    row = plan_state.synced(context, row, subscription)
    if refusals:
        raise refusals[0]
    return row
