"""The tables of plans: what a price gives, who has which plan, its invoices, and every change."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from prepaid_ledger.database import Base, words


class State(StrEnum):
    """Where a subscription stands: three words of ours, for what Stripe has none of yet, and Stripe's.

    ``REQUESTED`` is written down, and Stripe was perhaps asked. ``OPEN``: its Checkout page
    waits for the customer. ``EXPIRED``: nobody paid there.
    https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses
    """

    REQUESTED = "requested"
    OPEN = "open"
    EXPIRED = "expired"
    INCOMPLETE = "incomplete"
    INCOMPLETE_EXPIRED = "incomplete_expired"
    TRIALING = "trialing"
    ACTIVE = "active"
    PAST_DUE = "past_due"
    UNPAID = "unpaid"
    PAUSED = "paused"
    CANCELED = "canceled"


#: Why a plan has ended, where its trial began with a card that had begun another customer's.
CARD_HAD_TRIAL = "card_had_trial"

#: Why a plan was ended here that Stripe does not have.
NOT_AT_STRIPE = "not_at_stripe"

#: Nothing more comes of a subscription in one of these.
ENDED = frozenset({State.EXPIRED, State.INCOMPLETE_EXPIRED, State.CANCELED})

#: Not begun: another plan may still be chosen instead.
BEGINNING = frozenset({State.REQUESTED, State.OPEN, State.INCOMPLETE})


class InvoiceState(StrEnum):
    """Where an invoice stands, in Stripe's words; one that Stripe adds later is kept as it is.

    https://docs.stripe.com/invoicing/overview#invoice-statuses
    """

    DRAFT = "draft"
    OPEN = "open"
    PAID = "paid"
    UNCOLLECTIBLE = "uncollectible"
    VOID = "void"


class Move(StrEnum):
    """What a change did to the money that comes in each month. ``OTHER`` left it as it was."""

    NEW = "new"
    EXPANSION = "expansion"
    CONTRACTION = "contraction"
    CHURN = "churn"
    REACTIVATION = "reactivation"
    OTHER = "other"


class PlanPrice(Base):
    """The terms of a plan that one Stripe price stands for. Never changed: new terms get a new price.

    A period gives ``credits``, ``parts`` times over: a year that gives them month by month has 12 parts.
    ``once``: credits on top, at an owner's first payment.
    """

    __tablename__ = "prepaid_plan_price"
    _shown = ("id", "plan", "title", "credits", "amount_minor", "currency")

    id: Mapped[str] = mapped_column(primary_key=True)
    plan: Mapped[str] = mapped_column(String(64))
    title: Mapped[str]
    credits: Mapped[int]
    parts: Mapped[int] = mapped_column(default=1)
    once: Mapped[int] = mapped_column(default=0)
    roll_over: Mapped[int]
    amount_minor: Mapped[int]
    currency: Mapped[str] = mapped_column(String(3))
    interval: Mapped[str] = mapped_column(String(8))
    interval_count: Mapped[int]


class Subscription(Base):
    """An owner's plan as it was last fetched from Stripe; written down before Stripe is asked.

    An owner has one that has not ended. ``other_items``: so many more are billed with it, set up in Stripe's
    dashboard; there, too, its payments can be stopped, and then it no more ``collects``, until
    ``collects_again_at`` if that is set. ``cancel_at``: it ends then, if nobody resumes it.
    ``trial_without_card``: what becomes of it where its trial ends and there is nothing to charge, in
    Stripe's word.
    ``next_price_id``, ``next_quantity`` and ``next_at``: what it becomes at the period's end.
    ``end_reason``: why it ends or has ended, in Stripe's word, or ``CARD_HAD_TRIAL`` or ``NOT_AT_STRIPE``.
    ``pending_until``: an upgrade waits so long for its payment. ``page_closed_at``: since then
    nobody can pay on its page; a row can't expire before, so an owner's pages are never two. ``anchor_at``:
    its day of the month and its time are those on which periods begin. ``sent_digest``: that of what was sent
    under the key that names it.
    """

    __tablename__ = "prepaid_subscription"
    _shown = ("id", "owner", "state", "price_id", "quantity", "stripe_id")
    __table_args__ = (
        ForeignKeyConstraint(["price_id"], ["prepaid_plan_price.id"]),
        ForeignKeyConstraint(["next_price_id"], ["prepaid_plan_price.id"]),
        CheckConstraint("quantity > 0", name="quantity_positive"),
        CheckConstraint(
            "state <> 'expired' OR session_id IS NULL OR page_closed_at IS NOT NULL",
            name="expired_page_is_closed",
        ),
        Index("ix_prepaid_subscription_owner_id", "owner", "id"),
        Index("ix_prepaid_subscription_check_at", "check_at"),
        Index("ix_prepaid_subscription_state_period_end", "state", "period_end"),
        Index(
            "uq_prepaid_subscription_running",
            "owner",
            unique=True,
            postgresql_where=text("state NOT IN ('expired', 'incomplete_expired', 'canceled')"),
            sqlite_where=text("state NOT IN ('expired', 'incomplete_expired', 'canceled')"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(String(64))
    state: Mapped[State] = mapped_column(words(State, 24), default=State.REQUESTED)
    price_id: Mapped[str]
    quantity: Mapped[int]
    other_items: Mapped[int] = mapped_column(default=0)
    collects: Mapped[bool] = mapped_column(default=True)
    collects_again_at: Mapped[datetime | None]
    trial_days: Mapped[int] = mapped_column(default=0)
    trial_credits: Mapped[int] = mapped_column(default=0)
    idempotency_key: Mapped[str] = mapped_column(unique=True)
    sent_digest: Mapped[str | None] = mapped_column(String(40))
    session_id: Mapped[str | None] = mapped_column(unique=True)
    page_closed_at: Mapped[datetime | None]
    stripe_id: Mapped[str | None] = mapped_column(unique=True)
    card_id: Mapped[str | None]
    period_start: Mapped[datetime | None]
    period_end: Mapped[datetime | None]
    anchor_at: Mapped[datetime | None]
    trial_end: Mapped[datetime | None]
    trial_without_card: Mapped[str] = mapped_column(String(32), default="create_invoice")
    cancel_at: Mapped[datetime | None]
    schedule_id: Mapped[str | None]
    next_price_id: Mapped[str | None]
    next_quantity: Mapped[int | None]
    next_at: Mapped[datetime | None]
    pending_until: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str | None] = mapped_column(String(32))
    created_at: Mapped[datetime]
    fetched_at: Mapped[datetime | None]
    check_at: Mapped[datetime | None]
    checks: Mapped[int] = mapped_column(default=0)


class Invoice(Base):
    """What Stripe billed for a subscription. Amounts in the smallest unit of ``currency``.

    ``credits`` is what it gave, ``given``, less what it took: ``None`` until it is paid and settled. What
    comes in later months is in it. ``once`` are those that it gave on top, under the key ``once_key``.
    ``late``: it was paid when its time was over, and what it gave lasts as long as was said then.
    ``per_period`` is what a whole period of the plan gives since then, or each month of it where they come
    month by month; 0 where it says nothing of that.
    ``period_start`` and ``period_end`` are those of the whole period that it bills.
    ``retry_at``: its payment is tried next; a draft without one is not charged. ``under_way``: a bank has not
    answered yet whether it pays.
    """

    __tablename__ = "prepaid_invoice"
    _shown = ("id", "stripe_id", "state", "total_minor", "currency", "credits")
    __table_args__ = (
        ForeignKeyConstraint(["subscription_id"], ["prepaid_subscription.id"]),
        ForeignKeyConstraint(["payment_id"], ["prepaid_payment.id"]),
        UniqueConstraint("payment_id"),
        Index("ix_prepaid_invoice_subscription_id_created_at", "subscription_id", "created_at"),
        Index("ix_prepaid_invoice_state", "state"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    subscription_id: Mapped[int]
    stripe_id: Mapped[str] = mapped_column(unique=True)
    number: Mapped[str | None] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(32))
    total_minor: Mapped[int]
    due_minor: Mapped[int]
    currency: Mapped[str] = mapped_column(String(3))
    period_start: Mapped[datetime | None]
    period_end: Mapped[datetime | None]
    credits: Mapped[int | None]
    given: Mapped[int] = mapped_column(default=0)
    once: Mapped[int] = mapped_column(default=0)
    once_key: Mapped[str | None] = mapped_column(String(120))
    late: Mapped[bool] = mapped_column(default=False)
    per_period: Mapped[int] = mapped_column(default=0)
    payment_id: Mapped[int | None]
    page_url: Mapped[str | None] = mapped_column(String(1024))
    pdf_url: Mapped[str | None] = mapped_column(String(1024))
    retry_at: Mapped[datetime | None]
    under_way: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    paid_at: Mapped[datetime | None]
    fetched_at: Mapped[datetime]

    @property
    def charged_minor(self) -> int:
        """What is charged for it; of one that leaves money for later ones, what it leaves, negative."""
        return min(self.total_minor, 0) or self.due_minor


class PlanMonth(Base):
    """What a paid invoice gives in one of its later months, from ``starts_at`` until ``ends_at``.

    ``number`` counts its months; the first is the invoice's own. ``credits`` were bought for
    ``amount_minor``; ``cut`` of them went with a smaller plan. ``stopped``: its money went back, and nothing
    comes. ``withheld``: it began while it was stopped, and its money has come again since. ``given`` is what
    came at ``given_at``, under the key ``invoice:<id>:month:<number>``.
    """

    __tablename__ = "prepaid_plan_month"
    _shown = ("invoice_id", "number", "starts_at", "credits", "given")
    __table_args__ = (
        ForeignKeyConstraint(["invoice_id"], ["prepaid_invoice.id"]),
        ForeignKeyConstraint(["subscription_id"], ["prepaid_subscription.id"]),
        CheckConstraint("number > 1", name="number_after_first"),
        CheckConstraint("credits > 0 AND cut >= 0 AND cut <= credits", name="cut_within_credits"),
        Index("ix_prepaid_plan_month_subscription_id", "subscription_id", "starts_at"),
        Index(
            "ix_prepaid_plan_month_due",
            "starts_at",
            postgresql_where=text("given_at IS NULL AND NOT stopped"),
            sqlite_where=text("given_at IS NULL AND NOT stopped"),
        ),
    )

    invoice_id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    subscription_id: Mapped[int]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    credits: Mapped[int]
    cut: Mapped[int] = mapped_column(default=0)
    amount_minor: Mapped[int]
    stopped: Mapped[bool] = mapped_column(default=False)
    withheld: Mapped[bool] = mapped_column(default=False)
    given: Mapped[int | None]
    given_at: Mapped[datetime | None]

    @property
    def left_credits(self) -> int:
        """Its credits that were not cut."""
        return self.credits - self.cut

    @property
    def left_minor(self) -> int:
        """What its credits that were not cut have cost: the rest went with the smaller plan."""
        return self.amount_minor * self.left_credits // self.credits


class MonthRefund(Base):
    """The money of one month that a refund, a dispute or a credit note has taken, by its name in the ledger.

    ``number`` 1 is the invoice's own month. What was carried over from an earlier invoice takes ``credits``
    of it, and no money.
    """

    __tablename__ = "prepaid_month_refund"
    __table_args__ = (ForeignKeyConstraint(["invoice_id"], ["prepaid_invoice.id"]),)

    invoice_id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(120), primary_key=True)
    amount_minor: Mapped[int]
    credits: Mapped[int] = mapped_column(default=0)


class SubscriptionChange(Base):
    """A subscription as it was from ``at`` on. Written once; only what is counted changes.

    ``counted``: it is in the sums of plans. ``failure_counted``: in those of failures.

    ``mrr_before_minor`` and ``mrr_after_minor`` are the owner's monthly revenue around it, in the
    smallest unit: a year's price is a twelfth each month. So the revenue at any time is the sum
    of (after - before) up to it.
    """

    __tablename__ = "prepaid_subscription_change"
    __table_args__ = (
        ForeignKeyConstraint(["subscription_id"], ["prepaid_subscription.id"]),
        Index("ix_prepaid_subscription_change_owner_id", "owner", "id"),
        Index("ix_prepaid_subscription_change_at", "at"),
        Index(
            "ix_prepaid_subscription_change_past_due",
            "at",
            postgresql_where=text("state = 'past_due' AND NOT failure_counted"),
            sqlite_where=text("state = 'past_due' AND NOT failure_counted"),
        ),
        Index(
            "ix_prepaid_subscription_change_uncounted",
            "id",
            postgresql_where=text("NOT counted"),
            sqlite_where=text("NOT counted"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    subscription_id: Mapped[int]
    owner: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime]
    move: Mapped[Move] = mapped_column(words(Move))
    state: Mapped[State] = mapped_column(words(State, 24))
    plan: Mapped[str] = mapped_column(String(64))
    quantity: Mapped[int]
    cancel_at: Mapped[datetime | None]
    next_price_id: Mapped[str | None]
    currency: Mapped[str] = mapped_column(String(3))
    mrr_before_minor: Mapped[int]
    mrr_after_minor: Mapped[int]
    counted: Mapped[bool] = mapped_column(default=False)
    failure_counted: Mapped[bool] = mapped_column(default=False)
