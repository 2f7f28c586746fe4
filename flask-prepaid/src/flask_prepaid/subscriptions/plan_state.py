"""How a plan stands: what may be done with it, what it owes, and how it ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import or_, select

from prepaid_ledger import check_owner

from ..context import Context, reading, refuse_uncommitted, write_now
from ..errors import NotYours, PlanRefused
from ..gateway.billing.subscription_values import StripeSubscription
from . import plan_rows, sync
from .models import ENDED, Invoice, InvoiceState, PlanPrice, State, Subscription

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

#: The state in which the plan is once it has been done.
AFTER = {"pause": State.PAUSED, "unpause": State.ACTIVE}

#: An invoice that its plan owes. One that lapses by itself is none: of a plan that has not begun, of a pause
#: that is to end, of a change that waits for its payment.
OWED = (
    Invoice.state == InvoiceState.OPEN,
    Invoice.under_way.is_(False),
    Subscription.state.not_in(ENDED | {State.INCOMPLETE, State.PAUSED}),
    or_(Subscription.pending_until.is_(None), Subscription.state == State.PAST_DUE),
)

#: An invoice that a customer wants to see: that of a trial costs and gives nothing.
BILLS_SOMETHING = or_(Invoice.total_minor != 0, Invoice.credits > 0)

#: So long after a plan has ended, who ends it is answered as whoever ended it.
SENT_AGAIN = timedelta(minutes=1)


class AfterTrial(StrEnum):
    """What follows a plan's free trial.

    Without a card the plan is ``PAUSED``, ``CANCELED``, or owes: ``DUE``. ``ENDS``: it was to end anyway.
    ``STOPPED``: it goes on and is not charged, since its payments are stopped.
    ``OVER``: the trial is not running any more; ``ENDED``: nor is the plan.
    """

    CHARGED = "charged"
    DUE = "due"
    PAUSED = "paused"
    CANCELED = "canceled"
    STOPPED = "stopped"
    ENDS = "ends"
    OVER = "over"
    ENDED = "ended"


#: Where a card is missing.
NEEDS_CARD = frozenset({AfterTrial.PAUSED, AfterTrial.CANCELED, AfterTrial.DUE})


@dataclass(frozen=True)
class PlanSummary:
    """An owner's plan, for a host to show. ``state`` is Stripe's word, or ours before it has begun.

    ``paid_until`` is when its period ends, and it renews if ``ends_at`` does not say otherwise. ``is_paid``:
    that period is paid, so far as is known.
    """

    slug: str
    title: str
    quantity: int
    state: str
    paid_until: datetime | None
    ends_at: datetime | None
    is_paid: bool


def summary(context: Context, owner: str) -> PlanSummary | None:
    """The owner's plan, or ``None`` without one that has begun and not ended.

    :raises ValueError: No such owner can be.
    """
    check_owner(owner)
    row = plan_rows.running(context.session, owner)
    if row is None or row.state in (State.REQUESTED, State.OPEN):
        return None
    price = context.session.get_one(PlanPrice, row.price_id)
    return PlanSummary(
        price.plan,
        price.title,
        row.quantity,
        str(row.state),
        row.period_end,
        row.cancel_at,
        is_paid(context, row),
    )


def may(row: Subscription, verb: str) -> bool:
    """Whether this can be done as the subscription stands."""
    if verb in ("change", "pause") and (row.cancel_at or row.pending_until):
        return False
    if verb == "pause" and row.next_price_id is not None:
        return False  # it would be forgotten, and the dearer plan charged after the pause: undo it knowingly
    if verb == "change" and (row.other_items or not row.collects):
        return False  # who did that in the dashboard knows what is to become of it
    return row.state in MOVES[verb]


def is_charging(row: Subscription) -> bool:
    """Whether Stripe was asked to begin the plan with a card on file, and has not answered yet."""
    return row.state is State.REQUESTED and row.card_id is not None


def own(context: Context, owner: str, verb: str, *, plan_id: int | None = None) -> Subscription:
    """The owner's subscription, if this can be done with it now.

    :param plan_id: The row that it must be, where it is not whichever the owner has.
    :raises NotYours: The owner has none, or another one.
    :raises PlanRefused: It does not stand so.
    """
    row = plan_rows.running(context.session, owner)
    if row is None or row.stripe_id is None or plan_id not in (None, row.id):
        raise NotYours("You have no plan. Choose one first.")
    if not may(row, verb):
        raise PlanRefused("Your plan does not stand so that this can be done. Look at it again.")
    return row


def done_before(context: Context, owner: str, verb: str) -> Subscription | None:
    """The owner's plan, where it stands already as after this; ``None`` where there is something to do.

    A form is pressed twice, a call is sent again: the second one is answered as the first one was.
    """
    row = plan_rows.running(context.session, owner)
    if row is not None:
        return row if row.state is AFTER.get(verb) else None
    return _just_ended(context, owner) if verb == "cancel now" else None


def _just_ended(context: Context, owner: str) -> Subscription | None:
    ended = select(Subscription).where(
        Subscription.owner == owner,
        Subscription.stripe_id.is_not(None),
        Subscription.ended_at > context.clock() - SENT_AGAIN,
    )
    return context.session.scalars(ended.order_by(Subscription.id.desc()).limit(1)).first()


def fetch(
    context: Context, owner: str, verb: str, *, plan_id: int | None = None
) -> tuple[Subscription, StripeSubscription]:
    """The owner's subscription here and at Stripe, the same on both sides, as ``own`` finds it. Commits."""
    refuse_uncommitted(context)
    with reading(context):
        stripe_id = own(context, owner, verb, plan_id=plan_id).stripe_id
    assert stripe_id is not None, "it has begun"
    write_now(context, sync.sync(context, stripe_id))
    with reading(context):
        row = own(context, owner, verb, plan_id=plan_id)
    subscription = context.gateway.subscriptions.fetch(stripe_id)
    if subscription is None:
        raise NotYours("You have no plan. Choose one first.")
    return row, subscription


def synced(context: Context, row: Subscription, subscription: StripeSubscription) -> Subscription:
    """The row, brought to what Stripe has now. Commits."""
    write_now(context, sync.sync(context, subscription.id))
    return row


def is_over(context: Context, row: Subscription) -> bool:
    """Whether the period that was paid, or the trial, has ended."""
    return row.period_end is None or row.period_end <= context.clock()


def is_ending(context: Context, state: State, cancel_at: datetime | None) -> bool:
    """Whether a plan that stands so runs, and no further than a day to come."""
    return state in (State.ACTIVE, State.TRIALING) and cancel_at is not None and cancel_at > context.clock()


def ends_unrenewed(row: Subscription) -> bool:
    """Whether the plan ends with the period that is paid. In Stripe's dashboard a later day can be set."""
    return row.cancel_at is not None and (row.period_end is None or row.cancel_at <= row.period_end)


def is_stopped(row: Subscription) -> bool:
    """Whether the next renewal is not charged, since payments are stopped in Stripe's dashboard.

    https://docs.stripe.com/billing/subscriptions/pause-payment
    """
    again = row.collects_again_at
    return not row.collects and (again is None or row.period_end is None or again > row.period_end)


def after_trial(context: Context, row: Subscription) -> AfterTrial:
    """What follows the plan's free trial, as it stands."""
    if row.state is not State.TRIALING:
        return AfterTrial.ENDED if row.state in ENDED else AfterTrial.OVER
    if ends_unrenewed(row):
        return AfterTrial.ENDS
    has_payer = plan_rows.payer_id(context.session, row) is not None
    without_card = {"pause": AfterTrial.PAUSED, "cancel": AfterTrial.CANCELED}
    if not has_payer and row.trial_without_card in without_card:
        return without_card[row.trial_without_card]
    if is_stopped(row):
        return AfterTrial.STOPPED
    return AfterTrial.CHARGED if has_payer else AfterTrial.DUE


def period_bill(context: Context, row: Subscription) -> Invoice | None:
    """The invoice that bills the running period as a whole; ``None`` if none is known."""
    of_period = select(Invoice).where(
        Invoice.subscription_id == row.id, Invoice.period_start == row.period_start
    )
    return context.session.scalars(of_period.order_by(Invoice.id.desc())).first()


def charged_soon(context: Context, row: Subscription) -> Invoice | None:
    """The invoice of the period that has begun, where Stripe charges it by itself within the next hours."""
    bill = period_bill(context, row)
    if bill is None or not bill.due_minor or bill.under_way or row.state not in (State.ACTIVE, State.PAUSED):
        return None
    waits = bill.state == InvoiceState.DRAFT and bill.retry_at is not None
    return bill if waits or bill.state == InvoiceState.OPEN else None


def is_paid(context: Context, row: Subscription) -> bool:
    """Whether a plan runs in a period that is paid; one without an invoice is taken for paid.

    An invoice that is not paid yet waits to be charged, or is void: payments were stopped when it was made.
    """
    bill = period_bill(context, row)
    return row.state is State.ACTIVE and (bill is None or bill.state == InvoiceState.PAID)


@dataclass(frozen=True)
class Owed:
    """The invoices of a plan that wait to be paid, one or more, the oldest first."""

    invoices: Sequence[Invoice]

    @property
    def oldest(self) -> Invoice:
        return self.invoices[0]

    @property
    def due_minor(self) -> int:
        """What they ask for together, in the smallest unit of ``currency``."""
        return sum(invoice.due_minor for invoice in self.invoices)

    @property
    def currency(self) -> str:
        return self.oldest.currency

    @property
    def page_url(self) -> str | None:
        """Stripe's page that asks for all of it; ``None`` where each of several has its own."""
        return self.oldest.page_url if len(self.invoices) == 1 else None

    @property
    def retry_at(self) -> datetime | None:
        """When Stripe tries next to be paid any of it."""
        return min((invoice.retry_at for invoice in self.invoices if invoice.retry_at), default=None)


def owed(context: Context, row: Subscription) -> Owed | None:
    """What waits to be paid of a plan, without what a bank has not answered yet."""
    return _open(context, row, under_way=False)


def under_way(context: Context, row: Subscription) -> Owed | None:
    """What of a plan is being paid, while a bank has not answered yet whether it pays, as with a debit."""
    return _open(context, row, under_way=True)


def _open(context: Context, row: Subscription, *, under_way: bool) -> Owed | None:
    waiting = select(Invoice).where(
        Invoice.subscription_id == row.id,
        Invoice.state == InvoiceState.OPEN,
        Invoice.under_way.is_(under_way),
    )
    invoices = context.session.scalars(waiting.order_by(Invoice.created_at, Invoice.id)).all()
    return Owed(invoices) if invoices else None


def waits_for_payment(context: Context, invoice: Invoice) -> bool:
    """Whether a plan's invoice can be paid. Where the plan has ended, nobody is asked for it any more."""
    plan = context.session.get_one(Subscription, invoice.subscription_id)
    return invoice.state == InvoiceState.OPEN and not invoice.under_way and plan.state not in ENDED
