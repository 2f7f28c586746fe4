"""The tables that reports read: our copy of Stripe's balance, and the sums by day that make them quick."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKeyConstraint, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from prepaid_ledger.database import Base
from prepaid_ledger.tables import InWallet

#: What an allowance that moved up from an ended one is counted as: less of that one expired.
ROLL_OVER = "rollover"

#: No kind of entry: by how much what is paid and not used yet moved on a day.
DEFERRED = "deferred"


class Movement(Base):
    """A copy of one of Stripe's balance transactions, by which its balance moved by ``net_minor``.

    ``day`` is that of ``created_at`` in the shop's time zone. ``intent_id`` is the PaymentIntent whose
    money moved; by it the movement finds its ``payment_id`` with its ``owner`` and ``product``, how it was
    ``taxed``, a charge the discount and tax that its amount was made with, what takes money back its share of
    the tax, below 0, and a refund the ``country`` of the card. ``original_minor`` is ``amount_minor`` in the
    currency that the customer has paid in.
    """

    __tablename__ = "prepaid_movement"
    __table_args__ = (
        ForeignKeyConstraint(["payment_id"], ["prepaid_payment.id"]),
        Index("ix_prepaid_movement_created_at", "created_at"),
        Index("ix_prepaid_movement_intent_id", "intent_id"),
        Index("ix_prepaid_movement_payment_id", "payment_id"),
        Index("ix_prepaid_movement_owner", "currency", "owner", "day"),
        # Adds up each customer's money of some days without touching the table.
        Index("ix_prepaid_movement_day", "currency", "category", "day", "owner", "amount_minor"),
        Index(
            "ix_prepaid_movement_loose",
            "id",
            postgresql_where=text("payment_id IS NULL AND intent_id IS NOT NULL"),
            sqlite_where=text("payment_id IS NULL AND intent_id IS NOT NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    category: Mapped[str] = mapped_column(String(64))
    currency: Mapped[str] = mapped_column(String(3))
    amount_minor: Mapped[int]
    original_minor: Mapped[int] = mapped_column(default=0)
    fee_minor: Mapped[int]
    net_minor: Mapped[int]
    discount_minor: Mapped[int] = mapped_column(default=0)
    tax_minor: Mapped[int] = mapped_column(default=0)
    source: Mapped[str | None]
    intent_id: Mapped[str | None]
    payment_id: Mapped[int | None]
    owner: Mapped[str] = mapped_column(String(64), default="")
    product: Mapped[str] = mapped_column(String(64), default="")
    country: Mapped[str] = mapped_column(String(2), default="")
    taxed: Mapped[str] = mapped_column(String(32), default="", server_default="")
    created_at: Mapped[datetime]
    day: Mapped[date]


class DaySum(Base):
    """What the movements of one day add up to, by currency, category, product, the card's country, and tax.

    Kept by ``sync`` in the transaction that copies the movements; empty words are: not known. A product
    that is a plan's begins with ``plan:``.
    """

    __tablename__ = "prepaid_day_sum"

    day: Mapped[date] = mapped_column(primary_key=True)
    currency: Mapped[str] = mapped_column(String(3), primary_key=True)
    category: Mapped[str] = mapped_column(String(64), primary_key=True)
    product: Mapped[str] = mapped_column(String(64), primary_key=True)
    country: Mapped[str] = mapped_column(String(2), primary_key=True)
    taxed: Mapped[str] = mapped_column(String(32), primary_key=True, server_default="")
    movements: Mapped[int]
    amount_minor: Mapped[int]
    fee_minor: Mapped[int]
    discount_minor: Mapped[int]
    tax_minor: Mapped[int]


class OwnerSum(Base):
    """What each customer was ever charged in one currency; kept by ``sync``, as ``DaySum`` is."""

    __tablename__ = "prepaid_owner_sum"

    currency: Mapped[str] = mapped_column(String(3), primary_key=True)
    owner: Mapped[str] = mapped_column(String(64), primary_key=True)
    gross_minor: Mapped[int]


class Copying(Base):
    """How far the copy and the counting have come: one row.

    Everything before ``copied_to`` is here. A walk that is under way has come to ``cursor``, going back
    in time from ``newest``. ``synced_at`` is when the last one came to its end, by the wall clock, and
    ``clock_off_s`` by how much Stripe's clock was ahead of it. Every entry up to ``counted_to`` is in the
    sums of credits. ``ticked_at`` is when the tick last came around, to the minute. Since
    ``away_since`` Stripe does not answer.
    """

    __tablename__ = "prepaid_copying"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    zone: Mapped[str] = mapped_column(String(64))
    copied_to: Mapped[datetime | None]
    newest: Mapped[datetime | None]
    cursor: Mapped[str | None]
    synced_at: Mapped[datetime | None]
    clock_off_s: Mapped[int | None]
    counted_to: Mapped[datetime | None]
    ticked_at: Mapped[datetime | None]
    away_since: Mapped[datetime | None]


class CreditSum(Base):
    """What the entries of one day add up to, by kind and currency ("" where nothing was paid).

    ``credits`` and ``debt`` are signed as in the entries. ``worth_minor`` is what was paid for them: for
    a purchase or allowance its price, for an expiry or clawback its lot's share of that. A row of the kind
    ``DEFERRED`` has that alone.
    """

    __tablename__ = "prepaid_credit_sum"

    day: Mapped[date] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    currency: Mapped[str] = mapped_column(String(3), primary_key=True)
    entries: Mapped[int]
    credits: Mapped[int]
    debt: Mapped[int]
    worth_minor: Mapped[int]


class Counted(InWallet, Base):
    """Up to which ``seq`` the entries of a wallet are in ``CreditSum``."""

    __tablename__ = "prepaid_counted"
    __table_args__ = (
        ForeignKeyConstraint(["wallet_id", "slot"], ["prepaid_wallet.id", "prepaid_wallet.slot"]),
    )

    seq: Mapped[int]


class PlanSum(Base):
    """What the changes of plans moved on one day: monthly revenue, and how many customers pay.

    ``customers`` is signed: those who began to pay less those who ceased.
    """

    __tablename__ = "prepaid_plan_sum"

    day: Mapped[date] = mapped_column(primary_key=True)
    currency: Mapped[str] = mapped_column(String(3), primary_key=True)
    move: Mapped[str] = mapped_column(String(16), primary_key=True)
    changes: Mapped[int]
    amount_minor: Mapped[int]
    customers: Mapped[int]


class CohortSum(Base):
    """How many more (or fewer) of those who first paid in the month ``began`` pay at the end of ``month``.

    ``newcomers``: so many first paid in it, where the two are one month.
    """

    __tablename__ = "prepaid_cohort_sum"

    currency: Mapped[str] = mapped_column(String(3), primary_key=True)
    began: Mapped[date] = mapped_column(primary_key=True)
    month: Mapped[date] = mapped_column(primary_key=True)
    customers: Mapped[int]
    newcomers: Mapped[int]


class FailureSum(Base):
    """Payments that failed on one day, of which ``tick`` has found out for good what came of them."""

    __tablename__ = "prepaid_failure_sum"

    day: Mapped[date] = mapped_column(primary_key=True)
    currency: Mapped[str] = mapped_column(String(3), primary_key=True)
    failed: Mapped[int]
    failed_minor: Mapped[int]
    recovered: Mapped[int]
    recovered_minor: Mapped[int]
    lost: Mapped[int]
    lost_minor: Mapped[int]


class Comparison(Base):
    """What the last comparison with Stripe found: one row. ``drift`` is a list, as JSON.

    ``since`` is how far back it looked by Stripe's time, ``None`` is all of it; ``at`` is by the wall clock.
    """

    __tablename__ = "prepaid_comparison"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    since: Mapped[datetime | None]
    drift: Mapped[str] = mapped_column(Text)
