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

from .. import money, signals
from ..catalog import Plan
from ..context import Context, own_session
from ..errors import GatewayRefused, NotYours, PlanRefused, UnknownItem
from ..gateway import subscriptions
from ..gateway.subscription_values import Bill, Subscribed, moment
from ..payments import card_testing
from . import invoice_credits, prices, subscribing, sync
from .models import Invoice, PlanPrice, State, Subscription

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
    "pay": frozenset({State.ACTIVE, State.INCOMPLETE, State.PAST_DUE, State.UNPAID, State.PAUSED}),
}


#: Something that is done with an owner's plan.
Verb = Callable[["Context", str], Subscription]


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
    row = sync.running(own_session(context), owner)
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
    row, subscribed = _fetch(context, owner, "change")
    price = _target(context, row, plan, quantity)
    now = context.clock()
    since = int(now.timestamp()) if proration_date is None else proration_date
    _check_age(now, since)
    bill, credits, next_at = None, 0, subscribed.period_end
    immediate = at_once(context, row, price, quantity)
    if immediate and row.state is not State.TRIALING:  # nothing is owed for a trial, and nothing given back
        bill = subscriptions.preview(
            context.gateway,
            subscribed.id,
            items=subscriptions.changed_item(subscribed, price.id, quantity),
            proration_behavior="always_invoice",
            proration_date=since,
        )
        assert bill is not None, "a plan that runs has a next invoice"
        credits = _worth(context, row, bill)
        if credits < 0:  # a coupon makes it free, and what is free gives nothing for what is given back
            immediate, bill, credits = False, None, 0
        elif begun := invoice_credits.whole_period(bill.lines):
            next_at = moment(begun[1])
    renewal = subscriptions.preview_renewal(
        context.gateway,
        subscribed,
        (price.id, quantity),
        plan,
        at_once=bill is not None,
        discount_ids=_left_at(context, subscribed, next_at, bill),
    )
    return Preview(
        plan=plan,
        quantity=quantity,
        at_once=immediate,
        starts_at=now if immediate else subscribed.period_end,
        proration_date=since,
        due_minor=bill.due_minor if bill else 0,
        credits=credits,
        next_at=next_at,
        next_minor=_due_next(context, row, renewal, bill.left_minor if bill else renewal.balance_minor),
        later_minor=max(bill.left_minor, 0) if bill else 0,
        currency=price.currency,
    )


def _left_at(context: Context, subscribed: Subscribed, at: datetime, bill: Bill | None) -> list[str]:
    """The discounts that an invoice at ``at`` still gets, after ``bill`` has used those that are for once."""
    if not subscribed.discount_ids:
        return []
    used = frozenset[str]().union(*(line.discount_ids for line in bill.lines)) if bill else frozenset()
    held = subscriptions.discounts(context.gateway, subscribed.id)
    return [one.id for one in held if (one.end is None or one.end > at) and not (one.once and one.id in used)]


def _worth(context: Context, row: Subscription, bill: Bill) -> int:
    known = prices.learn(context, [line.price_id for line in bill.lines if line.is_of_plan])
    return invoice_credits.worth(bill.lines, known, invoice_credits.periods(context, row)).credits


def at_once(context: Context, row: Subscription, price: PlanPrice, quantity: int) -> bool:
    """Whether a change begins now: to a larger plan, or as long as nothing was paid."""
    current = context.session.get_one(PlanPrice, row.price_id)
    return row.state is State.TRIALING or prices.is_larger(price, quantity, current, row.quantity)


def change(
    context: Context, owner: str, plan: Plan, quantity: int, *, proration_date: int, due_minor: int
) -> Subscription:
    """Change the plan as it was previewed. Commits.

    :param proration_date: The preview's.
    :param due_minor: What the preview said is charged now; if that is not so any more, nothing changes.
    :raises PlanRefused: The plan can't be changed now, or the preview does not hold any more.
    """
    card_testing.make_sure(context, owner)
    shown = preview(context, owner, plan, quantity, proration_date=proration_date)
    if shown.due_minor != due_minor:
        raise PlanRefused("What this change costs is not what was shown. Look at the new preview first.")
    row, subscribed = _fetch(context, owner, "change")
    price = _target(context, row, plan, quantity)
    if not shown.at_once:
        subscriptions.change_later(context.gateway, subscribed, (price.id, quantity), plan)
    else:
        if subscribed.schedule_id is not None:
            subscriptions.release(context.gateway, subscribed.schedule_id)
        said = f"{row.id}\n{price.id}\n{quantity}\n{proration_date}"
        key = f"prepaid-change-{hashlib.sha256(said.encode()).hexdigest()[:40]}"
        in_trial = row.state is State.TRIALING
        subscriptions.change_now(
            context.gateway,
            subscribed,
            (price.id, quantity),
            proration_date=None if in_trial else proration_date,
            key=key,
        )
    return _followed(context, row)


def keep(context: Context, owner: str) -> Subscription:
    """Undo what is to come: a change that waits to be paid, a smaller plan, or the end itself. Commits."""
    row, subscribed = _fetch(context, owner, "keep")
    if subscribed.pending_until is not None:
        _drop_pending(context, row, subscribed)
    elif subscribed.schedule_id is not None:
        subscriptions.release(context.gateway, subscribed.schedule_id)
    elif subscribed.cancels_by_period:
        subscriptions.update(context.gateway, subscribed.id, cancel_at_period_end=False)
    elif subscribed.cancel_at is not None:
        subscriptions.update(context.gateway, subscribed.id, cancel_at="")
    return _followed(context, row)


def cancel_at_end(context: Context, owner: str) -> Subscription:
    """Let the plan end with the period that is paid. What was to change is forgotten. Commits."""
    row, subscribed = _fetch(context, owner, "cancel at the period's end")
    if subscribed.pending_until is not None:
        _drop_pending(context, row, subscribed)
    if subscribed.schedule_id is not None:
        subscriptions.release(context.gateway, subscribed.schedule_id)
    subscriptions.update(context.gateway, subscribed.id, cancel_at_period_end=True)
    return _followed(context, row)


def _drop_pending(context: Context, row: Subscription, subscribed: Subscribed) -> None:
    """Void the invoice of a change that waits to be paid, and the change goes with it.

    https://docs.stripe.com/billing/subscriptions/pending-updates#canceling-changing
    """
    assert subscribed.latest_invoice_id is not None, "a change that waits has an invoice"
    try:
        subscriptions.void(context.gateway, subscribed.latest_invoice_id)
    except GatewayRefused:
        _followed(context, row)
        raise PlanRefused("Your change was just paid, or is over. Look at your plan again.") from None


def cancel_now(context: Context, owner: str) -> Subscription:
    """End the plan at once. Commits.

    Nothing is paid back, what is still owed is dropped, and credits stay until they lapse.
    """
    row, subscribed = _fetch(context, owner, "cancel now")
    subscriptions.cancel_now(context.gateway, subscribed.id)
    for bill in subscriptions.bills(context.gateway, subscribed.id):
        if bill.status == "open":
            subscriptions.void(context.gateway, bill.id)
    return _followed(context, row)


def pause(context: Context, owner: str) -> Subscription:
    """Stop renewing. What is paid stays, and so do its credits until they lapse. Commits."""
    row, subscribed = _fetch(context, owner, "pause")
    if subscribed.schedule_id is not None:
        subscriptions.release(context.gateway, subscribed.schedule_id)
    subscriptions.pause(context.gateway, subscribed.id)
    return _followed(context, row)


def unpause(context: Context, owner: str, *, card_id: str | None = None) -> Subscription:
    """Go on after a pause: in the period that is paid, or in a new one that is paid now. Commits.

    :param card_id: Pays from now on; by default the card that paid before.
    """
    if card_id:
        subscribing.check_card(context, owner, card_id)
    row, subscribed = _fetch(context, owner, "unpause")
    if card_id:
        subscriptions.update(context.gateway, subscribed.id, default_payment_method=card_id)
    key = f"prepaid-unpause-{row.id}-{int(context.clock().timestamp())}"
    subscriptions.resume(context.gateway, subscribed.id, anew=is_over(context, row), key=key)
    return _followed(context, row)


def is_over(context: Context, row: Subscription) -> bool:
    """Whether the period that was paid, or the trial, has ended."""
    return row.period_end is None or row.period_end <= context.clock()


def use_card(context: Context, owner: str, card_id: str) -> tuple[Subscription, bool]:
    """Pay the plan with this card from now on, and what is owed at once. Commits.

    :return: The subscription, and whether all that was owed is paid.
    :raises UnknownItem: The card is not on file.
    """
    subscribing.check_card(context, owner, card_id)
    card_testing.make_sure(context, owner)
    row, subscribed = _fetch(context, owner, "pay")
    if row.state is not State.INCOMPLETE:
        subscriptions.update(context.gateway, subscribed.id, default_payment_method=card_id)
    bills = subscriptions.bills(context.gateway, subscribed.id)
    owing = [bill.id for bill in bills if bill.status == "open"]
    paid = [subscriptions.pay(context.gateway, invoice_id, card_id) for invoice_id in owing]
    return _followed(context, row), all(paid)


def next_bill(context: Context, row: Subscription) -> Bill | None:
    """The next charge as it would be, to the smallest unit; ``None`` if nothing follows."""
    if row.stripe_id is None or row.state not in MOVES["keep"] or ends_unrenewed(row) or is_stopped(row):
        return None
    bill = subscriptions.preview(context.gateway, row.stripe_id)
    return bill and replace(bill, due_minor=_due_next(context, row, bill, bill.balance_minor))


def _due_next(context: Context, row: Subscription, renewal: Bill, balance_minor: int) -> int:
    """What a renewal charges, with the customer's balance at Stripe as it is now.

    In the hour after the last one its invoice is still a draft, and will take what it needs of the balance,
    which Stripe's preview of the next one does not know.
    """
    draft = select(Invoice.total_minor).where(
        Invoice.subscription_id == row.id, Invoice.state == "draft", Invoice.retry_at.is_not(None)
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
    waiting = select(Invoice).where(Invoice.subscription_id == row.id, Invoice.state == "open")
    return context.session.scalars(waiting.order_by(Invoice.created_at, Invoice.id)).first()


def _fetch(context: Context, owner: str, verb: str) -> tuple[Subscription, Subscribed]:
    """The owner's subscription here and at Stripe, the same on both sides."""
    row = own(context, owner, verb)
    stripe_id = row.stripe_id
    assert stripe_id is not None, "it has begun"
    context.session.commit()
    _followed(context, row)
    row = own(context, owner, verb)
    subscribed = subscriptions.fetch(context.gateway, stripe_id)
    if subscribed is None:
        raise NotYours("You have no plan. Choose one first.")
    return row, subscribed


def _followed(context: Context, row: Subscription) -> Subscription:
    assert row.stripe_id is not None, "it has begun"
    sync.follow(context, row.stripe_id)
    signals.commit(context.session)
    return row


def _target(context: Context, row: Subscription, plan: Plan, quantity: int) -> PlanPrice:
    if not 1 <= quantity <= plan.most:
        raise UnknownItem(f"This plan can be taken 1 to {plan.most} times over.", field="quantity")
    price = prices.ensure(context, plan)
    current = context.session.get_one(PlanPrice, row.price_id)
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
