"""Preview and change, cancel and resume, pause, and mend what was not paid.

A larger plan begins at once: its invoice charges the rest of the period, and what it gives is
known before. A smaller one begins when the period ends, and can be undone until then.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import select

from .. import money
from ..catalog import Plan
from ..context import Context, reading, refuse_uncommitted, transaction, write_now
from ..errors import GatewayRefused, NotYours, PlanRefused
from ..gateway.subscription_values import Choice, StripeInvoice, StripeSubscription
from ..gateway.values import moment
from ..payments import card_testing
from . import invoice_credits, prices, subscribing, sync
from .models import Invoice, InvoiceState, PlanPrice, State, Subscription

#: How long a preview holds, and how far our clock may be ahead of Stripe's.
PREVIEW_HOLDS = timedelta(minutes=15)
CLOCKS_DIFFER = timedelta(minutes=1)

#: What may be done in each state. What is not here is refused.
MOVES: dict[str, frozenset[State]] = {
    "change": frozenset({State.TRIALING, State.ACTIVE}),
    "pause": frozenset({State.ACTIVE}),
    "unpause": frozenset({State.PAUSED}),
    "cancel at the period's end": frozenset({State.TRIALING, State.ACTIVE}),
    "cancel now": frozenset(
        {State.TRIALING, State.ACTIVE, State.INCOMPLETE, State.PAST_DUE, State.UNPAID, State.PAUSED}
    ),
    "keep": frozenset({State.TRIALING, State.ACTIVE, State.PAST_DUE}),
    "pay": frozenset(
        {
            State.TRIALING,
            State.ACTIVE,
            State.INCOMPLETE,
            State.PAST_DUE,
            State.UNPAID,
            State.PAUSED,
        }
    ),
}


#: Something that is done with an owner's plan.
Verb = Callable[[Context, str], Subscription]


@dataclass(frozen=True)
class Preview:
    """What a change would cost and give. Amounts in the smallest unit of ``currency``.

    ``proration_date`` travels with the form, so that the change is computed as it was shown.
    ``next_at`` is when the next payment is due, ``next_minor`` how much it is, with ``later_minor`` in it:
    what is owed by then and is too little to charge alone.
    """

    plan: Plan
    quantity: int
    at_once: bool
    starts_at: datetime
    proration_date: int
    due_minor: int
    credits: int
    next_at: datetime
    next_minor: int
    later_minor: int
    currency: str


def may(row: Subscription, verb: str) -> bool:
    """Whether this can be done as the subscription stands."""
    if verb in ("change", "pause") and (row.cancel_at or row.pending_until):
        return False
    if verb == "change" and (row.other_items or not row.collects):
        return False  # who did that in the dashboard knows what is to become of it
    return row.state in MOVES[verb]


def own(context: Context, owner: str, verb: str) -> Subscription:
    """The owner's subscription, if this can be done with it now.

    :raises NotYours: The owner has none.
    :raises PlanRefused: It does not stand so.
    """
    row = sync.running(context.session, owner)
    if row is None or row.stripe_id is None:
        raise NotYours("You have no plan. Choose one first.")
    if not may(row, verb):
        raise PlanRefused("Your plan does not stand so that this can be done. Look at it again.")
    return row


def preview(
    context: Context, owner: str, plan: Plan, quantity: int = 1, *, proration_date: int | None = None
) -> Preview:
    """What it costs and gives to change to ``plan``, now and next. Changes nothing.

    :param proration_date: Unix seconds of an earlier preview; now by default.
    :raises PlanRefused: The plan can't be changed now, or the earlier preview is too old.
    """
    row, subscription = _fetch(context, owner, "change")
    price = _target(context, row, plan, quantity)
    now = context.clock()
    since = int(now.timestamp()) if proration_date is None else proration_date
    _check_age(now, since)
    with reading(context):
        wanted, currency = (price.id, quantity), price.currency
        immediate = at_once(context, row, price, quantity)
        in_trial = row.state is State.TRIALING
    bill, credits, next_at = None, 0, subscription.period_end
    if immediate and not in_trial:  # nothing is owed for a trial, and nothing given back
        bill = context.gateway.invoices.preview(
            subscription.id,
            items=subscription.changed_to(wanted),
            proration_behavior="always_invoice",
            proration_date=since,
        )
        assert bill is not None, "a plan that runs has a next invoice"
        credits = _worth(context, row, bill)
        if begun := invoice_credits.whole_period(bill.lines):
            next_at = moment(begun[1])
    renewal = _preview_renewal(context, subscription, wanted, plan, next_at, bill)
    return Preview(
        plan=plan,
        quantity=quantity,
        at_once=immediate,
        starts_at=now if immediate else subscription.period_end,
        proration_date=since,
        due_minor=bill.due_minor if bill else 0,
        credits=credits,
        next_at=next_at,
        next_minor=_due_next(context, row, renewal, bill.left_minor if bill else renewal.balance_minor),
        later_minor=max(bill.left_minor, 0) if bill else 0,
        currency=currency,
    )


def _preview_renewal(
    context: Context,
    subscription: StripeSubscription,
    wanted: Choice,
    plan: Plan,
    next_at: datetime,
    bill: StripeInvoice | None,
) -> StripeInvoice:
    """The first whole period that ``plan`` renews after a change to it; ``bill`` charges one made at once.

    Where its interval is another one, Stripe shows the period that would begin now, which costs as much.
    """
    discount_ids = _left_at(context, subscription, next_at, bill)
    if subscription.schedule_id is not None:
        return context.gateway.schedules.preview_renewal(
            subscription, wanted, plan.period, at_once=bill is not None, discount_ids=discount_ids
        )
    renewal = context.gateway.invoices.preview(
        subscription.id,
        alone=bill is not None,
        discount_ids=discount_ids,
        items=subscription.changed_to(wanted),
        proration_behavior="none",
    )
    assert renewal is not None, "a plan that runs has a next invoice"
    return renewal


def _left_at(
    context: Context, subscription: StripeSubscription, at: datetime, bill: StripeInvoice | None
) -> list[str]:
    """The discounts that an invoice at ``at`` still gets, after ``bill`` has used those that are for once."""
    if not subscription.discount_ids:
        return []
    used = frozenset[str]().union(*(line.discount_ids for line in bill.lines)) if bill else frozenset()
    return [
        discount.id
        for discount in context.gateway.subscriptions.discounts(subscription.id)
        if (discount.end is None or discount.end > at) and not (discount.once and discount.id in used)
    ]


def _worth(context: Context, row: Subscription, bill: StripeInvoice) -> int:
    known = prices.learn(context, [line.price_id for line in bill.lines if line.is_of_plan])
    with reading(context):
        of_row = invoice_credits.periods(context, row), invoice_credits.rates(context, row)
        return invoice_credits.worth(bill.lines, known, *of_row, row.anchor_at).credits


def at_once(context: Context, row: Subscription, price: PlanPrice, quantity: int) -> bool:
    """Whether a change begins now: to a larger plan, or as long as nothing was paid."""
    current = context.session.get_one(PlanPrice, row.price_id)
    return row.state is State.TRIALING or prices.is_larger(price, quantity, current, row.quantity)


def change(
    context: Context, owner: str, plan: Plan, quantity: int, *, proration_date: int, due_minor: int
) -> Subscription:
    """Change the plan as it was previewed. Commits.

    :param proration_date: The preview's.
    :param due_minor: What the preview showed is charged now; if that is not so any more, nothing changes.
    :raises PlanRefused: The plan can't be changed now, or the preview does not hold any more.
    """
    refuse_uncommitted(context)
    with transaction(context):
        card_testing.count_attempt(context, owner)
    shown = preview(context, owner, plan, quantity, proration_date=proration_date)
    if shown.due_minor != due_minor:
        raise PlanRefused("What this change costs is not what was shown. Look at the new preview first.")
    row, subscription = _fetch(context, owner, "change")
    price = _target(context, row, plan, quantity)
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
    return _synced(context, row, subscription)


def _change_key(row: Subscription, wanted: Choice, proration_date: int) -> str:
    """The idempotency key of a change: the same one, sent again, changes once."""
    wish = f"{row.id}\n{wanted[0]}\n{wanted[1]}\n{proration_date}"
    return f"prepaid-change-{hashlib.sha256(wish.encode()).hexdigest()[:40]}"


def keep(context: Context, owner: str) -> Subscription:
    """Undo what is to come: a change that waits to be paid, a smaller plan, or the end itself. Commits."""
    row, subscription = _fetch(context, owner, "keep")
    if subscription.pending_until is not None:
        _drop_pending(context, row, subscription)
    elif subscription.schedule_id is not None:
        context.gateway.schedules.release(subscription.schedule_id)
    else:
        context.gateway.subscriptions.keep(subscription)
    return _synced(context, row, subscription)


def cancel_at_end(context: Context, owner: str) -> Subscription:
    """Let the plan end with the period that is paid. What was to change is forgotten. Commits."""
    row, subscription = _fetch(context, owner, "cancel at the period's end")
    if subscription.pending_until is not None:
        _drop_pending(context, row, subscription)
    if subscription.schedule_id is not None:
        context.gateway.schedules.release(subscription.schedule_id)
    context.gateway.subscriptions.end_with_period(subscription.id)
    return _synced(context, row, subscription)


def _drop_pending(context: Context, row: Subscription, subscription: StripeSubscription) -> None:
    """Void the invoice of a change that waits to be paid, and the change goes with it.

    https://docs.stripe.com/billing/subscriptions/pending-updates#canceling-changing
    """
    assert subscription.latest_invoice_id is not None, "a change that waits has an invoice"
    try:
        context.gateway.invoices.void(subscription.latest_invoice_id)
    except GatewayRefused:
        _synced(context, row, subscription)
        raise PlanRefused("Your change was just paid, or is over. Look at your plan again.") from None


def cancel_now(context: Context, owner: str) -> Subscription:
    """End the plan at once. Commits.

    Nothing is paid back, what is still owed is dropped, and credits stay until they lapse.
    """
    row, subscription = _fetch(context, owner, "cancel now")
    context.gateway.subscriptions.cancel_now(subscription.id)
    for bill in context.gateway.invoices.of_subscription(subscription.id):
        if bill.status == InvoiceState.OPEN:
            context.gateway.invoices.void(bill.id)
    return _synced(context, row, subscription)


def pause(context: Context, owner: str) -> Subscription:
    """Stop renewing. What is paid stays, and so do its credits until they lapse. Commits."""
    row, subscription = _fetch(context, owner, "pause")
    if subscription.schedule_id is not None:
        context.gateway.schedules.release(subscription.schedule_id)
    context.gateway.subscriptions.pause(subscription.id)
    return _synced(context, row, subscription)


def unpause(context: Context, owner: str, *, card_id: str | None = None) -> Subscription:
    """Go on after a pause: in the period that is paid, or in a new one that is paid now. Commits.

    :param card_id: Pays from now on; by default the card that paid before.
    """
    if card_id:
        subscribing.check_card(context, owner, card_id)
    row, subscription = _fetch(context, owner, "unpause")
    if card_id:
        context.gateway.subscriptions.use_card(subscription.id, card_id)
    with reading(context):
        key = f"prepaid-unpause-{row.id}-{int(context.clock().timestamp())}"
        anew = is_over(context, row)
    context.gateway.subscriptions.resume(subscription.id, anew=anew, key=key)
    return _synced(context, row, subscription)


def is_over(context: Context, row: Subscription) -> bool:
    """Whether the period that was paid, or the trial, has ended."""
    return row.period_end is None or row.period_end <= context.clock()


def use_card(context: Context, owner: str, card_id: str) -> tuple[Subscription, bool]:
    """Pay the plan with this card from now on, and what is owed at once. Commits.

    :return: The subscription, and whether all that was owed is paid.
    :raises UnknownItem: The card is not on file.
    """
    subscribing.check_card(context, owner, card_id)
    with transaction(context):
        card_testing.count_attempt(context, owner)
    row, subscription = _fetch(context, owner, "pay")
    if subscription.status != State.INCOMPLETE:
        context.gateway.subscriptions.use_card(subscription.id, card_id)
    bills = context.gateway.invoices.of_subscription(subscription.id)
    owing = [bill.id for bill in bills if bill.status == InvoiceState.OPEN]
    paid = [context.gateway.invoices.pay(invoice_id, card_id) for invoice_id in owing]
    return _synced(context, row, subscription), all(paid)


def next_bill(context: Context, row: Subscription) -> StripeInvoice | None:
    """The next charge as it would be, to the smallest unit; ``None`` if nothing follows. Commits."""
    with reading(context):
        renews = row.state in MOVES["keep"] and not (ends_unrenewed(row) or is_stopped(row))
        stripe_id = row.stripe_id
    if stripe_id is None or not renews:
        return None
    bill = context.gateway.invoices.preview(stripe_id)
    return bill and replace(bill, due_minor=_due_next(context, row, bill, bill.balance_minor))


def _due_next(context: Context, row: Subscription, renewal: StripeInvoice, balance_minor: int) -> int:
    """What a renewal charges, with the customer's balance at Stripe as it is now.

    In the hour after the last one its invoice is still a draft, and will take what it needs of the balance,
    which Stripe's preview of the next one does not know.
    """
    draft = select(Invoice.total_minor).where(
        Invoice.subscription_id == row.id, Invoice.state == InvoiceState.DRAFT, Invoice.retry_at.is_not(None)
    )
    for total_minor in context.session.scalars(draft):
        owed = balance_minor + total_minor
        balance_minor = owed - money.charged(owed, renewal.currency)
    return money.charged(balance_minor + renewal.total_minor, renewal.currency)


def ends_unrenewed(row: Subscription) -> bool:
    """Whether the plan ends with the period that is paid. In Stripe's dashboard a later day can be set."""
    return row.cancel_at is not None and (row.period_end is None or row.cancel_at <= row.period_end)


def is_stopped(row: Subscription) -> bool:
    """Whether the next renewal is not charged, since payments are stopped in Stripe's dashboard.

    https://docs.stripe.com/billing/subscriptions/pause-payment
    """
    again = row.collects_again_at
    return not row.collects and (again is None or row.period_end is None or again > row.period_end)


def period_bill(context: Context, row: Subscription) -> Invoice | None:
    """The invoice that bills the running period as a whole; ``None`` if none is known."""
    of_period = select(Invoice).where(
        Invoice.subscription_id == row.id, Invoice.period_start == row.period_start
    )
    return context.session.scalars(of_period.order_by(Invoice.id.desc())).first()


def owed(context: Context, row: Subscription) -> Invoice | None:
    """The invoice that waits to be paid, the oldest first."""
    waiting = select(Invoice).where(Invoice.subscription_id == row.id, Invoice.state == InvoiceState.OPEN)
    return context.session.scalars(waiting.order_by(Invoice.created_at, Invoice.id)).first()


def _fetch(context: Context, owner: str, verb: str) -> tuple[Subscription, StripeSubscription]:
    """The owner's subscription here and at Stripe, the same on both sides. Commits."""
    refuse_uncommitted(context)
    with reading(context):
        stripe_id = own(context, owner, verb).stripe_id
    assert stripe_id is not None, "it has begun"
    write_now(context, sync.sync(context, stripe_id))
    with reading(context):
        row = own(context, owner, verb)
    subscription = context.gateway.subscriptions.fetch(stripe_id)
    if subscription is None:
        raise NotYours("You have no plan. Choose one first.")
    return row, subscription


def _synced(context: Context, row: Subscription, subscription: StripeSubscription) -> Subscription:
    """The row, brought to what Stripe has now. Commits."""
    write_now(context, sync.sync(context, subscription.id))
    return row


def _target(context: Context, row: Subscription, plan: Plan, quantity: int) -> PlanPrice:
    """The price to change to. Commits.

    :raises PlanRefused: The plan can't be changed to it.
    """
    subscribing.check_quantity(plan, quantity)
    with reading(context) as session:
        current = session.get_one(PlanPrice, row.price_id)
    price = prices.ensure(context, plan.sold_in(current.currency))
    with reading(context):
        if price.currency != current.currency:
            raise PlanRefused("That plan is sold in another currency. End yours first, then choose it.")
        if (price.id, quantity) == (row.price_id, row.quantity):
            raise PlanRefused("That is the plan you have.")
    return price


def _check_age(now: datetime, proration_date: int) -> None:
    """A preview of long ago, or of a time to come, would charge another sum than is right."""
    age = int(now.timestamp()) - proration_date
    if not -CLOCKS_DIFFER.total_seconds() <= age <= PREVIEW_HOLDS.total_seconds():
        raise PlanRefused("This preview is too old. Look at the new one first.")
