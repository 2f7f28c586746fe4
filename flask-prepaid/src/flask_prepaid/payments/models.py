"""The tables of payments: what is bought, what goes back, and what was tried or refused."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from prepaid_ledger.database import Base, words

from .dispute_states import TAKES_NOTHING, WANTS_EVIDENCE


class PaymentState(StrEnum):
    """Where a payment stands.

    ``REQUESTED`` is written down, and Stripe was perhaps asked. ``OPEN`` waits for
    the customer, ``PENDING`` for the bank. ``UNKNOWN``: Stripe did not answer, do not
    pay again. ``NEEDS_REVIEW``: what was paid is not what was agreed; an operator looks at it, and then says
    so (``reviewed_at`` of the payment).
    """

    REQUESTED = "requested"
    OPEN = "open"
    PENDING = "pending"
    PAID = "paid"
    FAILED = "failed"
    EXPIRED = "expired"
    UNKNOWN = "unknown"
    NEEDS_REVIEW = "needs_review"


#: Why nothing came of a payment that needed a review. Operators read it.
SENT_BACK = "it was not as agreed, and all of it was refunded"


class RefundState(StrEnum):
    """Where a refund stands: two words of ours, for what Stripe has none of, and Stripe's.

    A word that Stripe adds later is kept as it is.
    ``REQUESTED`` is written down, and Stripe's answer is not known. ``REFUSED``: Stripe never made it.
    https://docs.stripe.com/api/refunds/object#refund_object-status
    """

    REQUESTED = "requested"
    REFUSED = "refused"
    PENDING = "pending"
    REQUIRES_ACTION = "requires_action"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


#: Stripe has not finished a refund in one of these: it may still fail.
UNDER_WAY = frozenset({RefundState.REQUESTED, RefundState.PENDING, RefundState.REQUIRES_ACTION})

#: Stripe has made a refund in one of these, and the money came back, or never left.
CAME_BACK = frozenset({RefundState.FAILED, RefundState.CANCELED})

#: The money of a refund in one of these stays here, or has come back.
NOT_REFUNDED = frozenset({RefundState.REFUSED, RefundState.FAILED, RefundState.CANCELED})


class Via(StrEnum):
    """How a payment was asked for: on a Checkout page, by hand or auto top-up from a card, or by a plan."""

    CHECKOUT = "checkout"
    CARD = "card"
    TOPUP = "topup"
    PLAN = "plan"


class Payment(Base):
    """Money that was asked for, and what it buys. Committed before Stripe is asked.

    Price and credits are what was agreed; a catalogue changed since then changes
    nothing. Any Stripe id of the payment finds the row, so one payment cannot
    grant twice under two names. ``credits`` is 0 where a plan's invoice gave none. ``amount_minor`` is the
    price agreed, ``due_minor`` what the customer is asked for, once Stripe has said it, and
    ``paid_minor`` what arrived: less by ``discount_minor`` with a promotion code, and with ``tax_minor``
    in it where tax is added. ``charged_minor`` is what of it a charge brought, which alone can be
    refunded: nothing where an invoice was paid outside of Stripe. Stripe's objects carry
    ``idempotency_key`` in their metadata, which finds the row before it knows their ids.
    ``check_at`` is when ``tick`` asks Stripe what came of it, by the wall clock, or what went back of it
    before it was paid here; no longer once that is known. ``taxed`` is the buyer's country and how the
    purchase was taxed there, such as ``DE standard_rated`` or ``DE reverse_charge``; empty where Stripe Tax
    was not asked.
    ``failure_counted``: it is in the sums of failures. ``sent_digest`` is that of what was sent under the
    key that names the purchase; empty where none does. ``brand`` and ``last4`` are those of the card that
    was charged. ``review`` is what an operator did last about one that needed a review, ``reviewed_at`` when
    nothing of it was left to be looked at.
    ``shown_state`` is the state that pages show, which ``shown_states.py`` reads from refunds and disputes.
    """

    __tablename__ = "prepaid_payment"
    _shown = (
        "id",
        "owner",
        "via",
        "state",
        "title",
        "amount_minor",
        "paid_minor",
        "refunded_minor",
        "currency",
    )
    __table_args__ = (
        CheckConstraint("credits > 0 OR (credits = 0 AND via = 'plan')", name="credits_positive"),
        CheckConstraint("amount_minor >= 0", name="amount_not_negative"),
        Index("ix_prepaid_payment_owner_id", "owner", "id"),
        Index("ix_prepaid_payment_check_at", "check_at"),
        Index("ix_prepaid_payment_created_at", "created_at"),
        Index("ix_prepaid_payment_state", "state"),
        Index(
            "ix_prepaid_payment_failure",
            "created_at",
            postgresql_where=text("failure IS NOT NULL"),
            sqlite_where=text("failure IS NOT NULL"),
        ),
        Index(
            "ix_prepaid_payment_uncounted",
            "created_at",
            postgresql_where=text("failure IS NOT NULL AND NOT failure_counted"),
            sqlite_where=text("failure IS NOT NULL AND NOT failure_counted"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(String(64))
    via: Mapped[Via] = mapped_column(words(Via))
    state: Mapped[PaymentState] = mapped_column(words(PaymentState), default=PaymentState.REQUESTED)
    pack: Mapped[str | None] = mapped_column(String(64))
    title: Mapped[str]
    credits: Mapped[int]
    expires_after_s: Mapped[int | None]
    amount_minor: Mapped[int]
    currency: Mapped[str] = mapped_column(String(3))
    due_minor: Mapped[int | None]
    paid_minor: Mapped[int | None]
    charged_minor: Mapped[int] = mapped_column(default=0)
    discount_minor: Mapped[int] = mapped_column(default=0)
    tax_minor: Mapped[int] = mapped_column(default=0)
    refunded_minor: Mapped[int] = mapped_column(default=0)
    idempotency_key: Mapped[str] = mapped_column(unique=True)
    sent_digest: Mapped[str | None] = mapped_column(String(40))
    session_id: Mapped[str | None] = mapped_column(unique=True)
    payment_intent_id: Mapped[str | None] = mapped_column(unique=True)
    charge_id: Mapped[str | None] = mapped_column(unique=True)
    invoice_id: Mapped[str | None] = mapped_column(unique=True)
    invoice_number: Mapped[str | None] = mapped_column(String(64))
    taxed: Mapped[str] = mapped_column(String(32), default="")
    card_id: Mapped[str | None]
    brand: Mapped[str | None] = mapped_column(String(32))
    last4: Mapped[str | None] = mapped_column(String(4))
    receipt_url: Mapped[str | None] = mapped_column(String(1024))
    failure: Mapped[str | None]
    failure_counted: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    paid_at: Mapped[datetime | None]
    fetched_at: Mapped[datetime | None]
    check_at: Mapped[datetime | None]
    checks: Mapped[int] = mapped_column(default=0)
    reviewed_at: Mapped[datetime | None]
    review: Mapped[str | None]
    if TYPE_CHECKING:
        shown_state: Mapped[str]

    @property
    def to_pay_minor(self) -> int:
        """What the customer is asked for: the price agreed, until Stripe has said what it is with tax."""
        return self.amount_minor if self.due_minor is None else self.due_minor

    @property
    def is_sent_back(self) -> bool:
        """Whether it was paid otherwise than agreed, and all of that was refunded."""
        return self.failure == SENT_BACK

    @property
    def total_minor(self) -> int:
        """What was paid; until then, what is to be."""
        return self.to_pay_minor if self.paid_minor is None else self.paid_minor


class Review(Base):
    """What was paid for a payment otherwise than agreed: a page, a charge or an invoice, ``stripe_id``.

    ``review`` is what an operator did about it, at ``reviewed_at``. ``sent_back``: all of it was refunded.
    ``is_foreign``: it names the payment, and was not made for it, so that it never gives its credits.
    """

    __tablename__ = "prepaid_review"
    _shown = ("payment_id", "stripe_id", "reason", "reviewed_at")
    __table_args__ = (
        ForeignKeyConstraint(["payment_id"], ["prepaid_payment.id"]),
        Index("ix_prepaid_review_payment_intent_id", "payment_intent_id"),
    )

    payment_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    stripe_id: Mapped[str] = mapped_column(primary_key=True)
    payment_intent_id: Mapped[str | None]
    reason: Mapped[str]
    is_foreign: Mapped[bool]
    sent_back: Mapped[bool] = mapped_column(default=False)
    called_at: Mapped[datetime]
    fetched_at: Mapped[datetime]
    reviewed_at: Mapped[datetime | None]
    review: Mapped[str | None]


class PartCharge(Base):
    """One of several charges that have paid an invoice: ``charged_minor`` of its payment's money.

    A payment that one charge has brought has none; its ``payment_intent_id`` is that of the first.
    """

    __tablename__ = "prepaid_part_charge"
    __table_args__ = (
        ForeignKeyConstraint(["payment_id"], ["prepaid_payment.id"]),
        Index("ix_prepaid_part_charge_payment_id", "payment_id"),
    )

    payment_intent_id: Mapped[str] = mapped_column(primary_key=True)
    payment_id: Mapped[int]
    charged_minor: Mapped[int]


class TakesBack:
    """What takes the credits of money back with it, as the ledger has it now.

    ``taken_minor`` is the money for which they are taken: Stripe can change it, and end it. Each time that it
    takes anew, ``takes`` goes on by one, which names the ledger's entry. ``taken_once`` is how many of the
    credits that a plan gave once it takes.
    """

    taken_minor: Mapped[int] = mapped_column(default=0)
    taken_once: Mapped[int] = mapped_column(default=0)
    takes: Mapped[int] = mapped_column(default=0)


class Refund(TakesBack, Base):
    """Money that is refunded to the card, asked for here or in Stripe's dashboard.

    One that is asked for here is committed before Stripe hears of it. ``asked_minor`` and ``asked_charge``
    are what was asked for; ``None`` is all that was left, and of all charges. ``payment_intent_id`` is the
    charge that it refunds, of a payment that may have several.
    """

    __tablename__ = "prepaid_refund"
    _shown = ("id", "payment_id", "amount_minor", "state", "stripe_id")
    __table_args__ = (
        ForeignKeyConstraint(["payment_id"], ["prepaid_payment.id"]),
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        Index("ix_prepaid_refund_payment_id", "payment_id"),
        Index("ix_prepaid_refund_check_at", "check_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    payment_id: Mapped[int]
    payment_intent_id: Mapped[str]
    amount_minor: Mapped[int]
    asked_minor: Mapped[int | None]
    asked_charge: Mapped[str | None]
    state: Mapped[str] = mapped_column(String(32), default=RefundState.REQUESTED)
    reason: Mapped[str | None]
    idempotency_key: Mapped[str] = mapped_column(unique=True)
    stripe_id: Mapped[str | None] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    fetched_at: Mapped[datetime | None]
    check_at: Mapped[datetime | None]


class Dispute(TakesBack, Base):
    """A bank wants its customer's money back: that of the charge ``payment_intent_id``.

    ``reason`` is the customer's, in Stripe's word. While the bank waits for evidence, it does so until
    ``evidence_due_at``; ``None`` is without an end. https://docs.stripe.com/api/disputes/object
    ``end_plan_at``: ``tick`` ends the plan that the payment is for; ``None`` once it has, or where none is.
    """

    __tablename__ = "prepaid_dispute"
    _shown = ("id", "payment_id", "amount_minor", "state", "reason")
    __table_args__ = (
        ForeignKeyConstraint(["payment_id"], ["prepaid_payment.id"]),
        Index("ix_prepaid_dispute_payment_id", "payment_id"),
        Index("ix_prepaid_dispute_payment_intent_id", "payment_intent_id"),
        Index(
            "ix_prepaid_dispute_untaken",
            "payment_id",
            postgresql_where=text("taken_minor = 0"),
            sqlite_where=text("taken_minor = 0"),
        ),
        Index(
            "ix_prepaid_dispute_end_plan_at",
            "end_plan_at",
            postgresql_where=text("end_plan_at IS NOT NULL"),
            sqlite_where=text("end_plan_at IS NOT NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    payment_id: Mapped[int]
    payment_intent_id: Mapped[str]
    amount_minor: Mapped[int]
    state: Mapped[str] = mapped_column(String(32))
    reason: Mapped[str] = mapped_column(String(64))
    evidence_due_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    fetched_at: Mapped[datetime]
    end_plan_at: Mapped[datetime | None]

    @property
    def takes_money(self) -> bool:
        """Whether the bank has the money, as things stand."""
        return self.state not in TAKES_NOTHING

    @property
    def wants_evidence(self) -> bool:
        return self.state in WANTS_EVIDENCE


class EarlierMoney(TakesBack):
    """Money of an earlier payment has paid a part of this one, ``amount_minor``, at the time ``at``.

    It takes credits back where that money turns out to have gone back twice. ``changes`` counts what may have
    changed that, ``seen`` is up to which ``tick`` has looked.
    """

    payment_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    amount_minor: Mapped[int]
    at: Mapped[datetime]
    changes: Mapped[int] = mapped_column(default=1)
    seen: Mapped[int] = mapped_column(default=0)


class BalancePaid(EarlierMoney, Base):
    """So much of a payment the customer's balance at Stripe has paid."""

    __tablename__ = "prepaid_balance_paid"
    __table_args__ = (
        ForeignKeyConstraint(["payment_id"], ["prepaid_payment.id"]),
        Index(
            "ix_prepaid_balance_paid_due",
            "payment_id",
            postgresql_where=text("changes > seen"),
            sqlite_where=text("changes > seen"),
        ),
    )


class CarriedOver(EarlierMoney, Base):
    """So much of a changed plan was paid by what its invoice gives back of the plan before.

    ``credits`` of what the invoice gives are those that no new money has paid for.
    """

    __tablename__ = "prepaid_carried_over"
    __table_args__ = (
        ForeignKeyConstraint(["payment_id"], ["prepaid_payment.id"]),
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        CheckConstraint("credits >= 0", name="credits_not_negative"),
        Index(
            "ix_prepaid_carried_over_due",
            "payment_id",
            postgresql_where=text("changes > seen"),
            sqlite_where=text("changes > seen"),
        ),
    )

    credits: Mapped[int]


class TopUp(Base):
    """What an owner has set for auto top-up. ``stopped`` says why it switched itself off.

    ``pack_credits``, ``pack_minor`` and ``currency`` are what one pack gave and cost when it was switched on.
    What became of its payments is read from them, those after ``after_payment``, and how the credits went
    from the entries after ``after_seq``: the last ones when it was switched on.
    """

    __tablename__ = "prepaid_topup"
    _shown = ("owner", "on", "pack", "threshold", "stopped")
    __table_args__ = (CheckConstraint("threshold > 0", name="threshold_positive"),)

    owner: Mapped[str] = mapped_column(String(64), primary_key=True)
    on: Mapped[bool]
    pack: Mapped[str] = mapped_column(String(64))
    threshold: Mapped[int]
    ceiling_minor: Mapped[int]
    pack_credits: Mapped[int]
    pack_minor: Mapped[int]
    currency: Mapped[str] = mapped_column(String(3))
    after_payment: Mapped[int] = mapped_column(default=0)
    after_seq: Mapped[int] = mapped_column(default=0)
    stopped: Mapped[str | None]


class Attempt(Base):
    """Somebody tried to pay, or to leave a card: counted against card testers, and forgotten after a day.

    ``address`` is where the browser is, or ``None`` where there is none, as with auto top-up.
    """

    __tablename__ = "prepaid_attempt"
    __table_args__ = (
        Index("ix_prepaid_attempt_owner_at", "owner", "at"),
        Index("ix_prepaid_attempt_address_at", "address", "at"),
        Index("ix_prepaid_attempt_at", "at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(String(64))
    address: Mapped[str | None] = mapped_column(String(64))
    at: Mapped[datetime]


class PaidRequest(Base):
    """Which hold pays for what a client named, as by an ``Idempotency-Key``, kept as a digest."""

    __tablename__ = "prepaid_paid_request"
    __table_args__ = (Index("ix_prepaid_paid_request_at", "at"),)

    owner: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(128), primary_key=True)
    hold_key: Mapped[str] = mapped_column(String(128))
    at: Mapped[datetime]


class Refusal(Base):
    """What Stripe or a rule of ours refused on one day (UTC) for one reason, and the last of it in words.

    ``code`` is Stripe's, or that of our error. ``request_id`` finds the last request in Stripe's dashboard.
    """

    __tablename__ = "prepaid_refusal"
    _shown = ("day", "code", "times", "message", "request_id")
    __table_args__ = (Index("ix_prepaid_refusal_last_at", "last_at"),)

    day: Mapped[str] = mapped_column(String(10), primary_key=True)
    code: Mapped[str] = mapped_column(String(64), primary_key=True)
    times: Mapped[int]
    message: Mapped[str]
    request_id: Mapped[str | None] = mapped_column(String(64))
    last_at: Mapped[datetime]


class TrialCard(Base):
    """A card that a free trial began with. ``owner`` tried first, and is empty once they have left.

    ``fingerprint`` is Stripe's name for the card's number; the number itself is never here.
    """

    __tablename__ = "prepaid_trial_card"
    __table_args__ = (Index("ix_prepaid_trial_card_owner", "owner"),)

    fingerprint: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(String(64))
    tried_at: Mapped[datetime]
