"""The tables. All are named ``prepaid_*`` and live on the extension's own metadata."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    Dialect,
    Enum,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

#: SQLite counts rows up by itself only in a column of type INTEGER.
BigInt = BigInteger().with_variant(Integer, "sqlite")


class UtcDateTime(TypeDecorator[datetime]):
    """An aware time in UTC. SQLite keeps no zone, so it is taken off and put back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        assert value.tzinfo is not None, "a time without a zone says nothing"
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcDateTime, int: BigInt, str: String(255)}


def words(enum: type[StrEnum], length: int = 16) -> Enum:
    """A column that holds the enum's values as words, checked by the database."""
    return Enum(
        enum,
        native_enum=False,
        create_constraint=True,
        length=length,
        name=enum.__name__.lower(),
        values_callable=lambda members: [member.value for member in members],
    )


def whole_numbers(*columns: str) -> CheckConstraint:
    """Keep fractions out on SQLite, whose INTEGER columns take them."""
    rule = " AND ".join(f"typeof({column}) = 'integer'" for column in columns)
    return CheckConstraint(rule, name="whole_numbers").ddl_if(dialect="sqlite")


class Kind(StrEnum):
    """Why credits moved. It names the other side, so the sum by kind is the trial balance."""

    PURCHASE = "purchase"
    GRANT = "grant"
    ALLOWANCE = "allowance"
    SPEND = "spend"
    REVERSAL = "reversal"
    CLAWBACK = "clawback"
    EXPIRY = "expiry"
    ADJUSTMENT = "adjustment"


class HoldState(StrEnum):
    OPEN = "open"
    CAPTURED = "captured"
    RELEASED = "released"
    EXPIRED = "expired"


class PaymentState(StrEnum):
    """Where a payment stands.

    ``REQUESTED`` is written down, and Stripe was perhaps asked. ``OPEN`` waits for
    the customer, ``PENDING`` for the bank. ``UNKNOWN``: Stripe did not answer, do not
    pay again. ``SET_ASIDE``: what was paid is not what was agreed; an operator looks.
    """

    REQUESTED = "requested"
    OPEN = "open"
    PENDING = "pending"
    PAID = "paid"
    FAILED = "failed"
    EXPIRED = "expired"
    UNKNOWN = "unknown"
    SET_ASIDE = "set_aside"


class Via(StrEnum):
    """How a payment was asked for: on a Checkout page, by hand or auto top-up from a card, or by a plan."""

    CHECKOUT = "checkout"
    CARD = "card"
    TOPUP = "topup"
    PLAN = "plan"


class Wallet(Base):
    """One owner's credits. The balance is the sum of the wallet's entries.

    ``held`` is the part of the balance that open holds set aside. ``seq`` is the
    number last given out, to an entry, a hold or a release. ``moved_at`` is the time
    of that: times never go back inside a wallet, whatever the clocks do. Nothing in
    the wallet ends before ``next_expiry_at``, a lower bound. Lots are drawn up to
    ``drawn_seq``.
    """

    __tablename__ = "prepaid_wallet"
    __table_args__ = (
        CheckConstraint("balance >= 0", name="balance_not_negative"),
        CheckConstraint("held >= 0 AND held <= balance", name="held_within_balance"),
        CheckConstraint("debt >= 0", name="debt_not_negative"),
        CheckConstraint("seq >= 0 AND drawn_seq >= 0 AND drawn_seq <= seq", name="drawn_within_seq"),
        whole_numbers("balance", "held", "debt", "seq"),
        Index(
            "ix_prepaid_wallet_next_expiry_at",
            "next_expiry_at",
            postgresql_where=text("next_expiry_at IS NOT NULL"),
            sqlite_where=text("next_expiry_at IS NOT NULL"),
        ),
        # Room on each page lets PostgreSQL move a balance without touching an index.
        {"postgresql_with": {"fillfactor": 70}},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(String(64), unique=True)
    balance: Mapped[int] = mapped_column(default=0)
    held: Mapped[int] = mapped_column(default=0)
    debt: Mapped[int] = mapped_column(default=0)
    seq: Mapped[int] = mapped_column(default=0)
    drawn_seq: Mapped[int] = mapped_column(default=0)
    next_expiry_at: Mapped[datetime | None]
    moved_at: Mapped[datetime]
    created_at: Mapped[datetime]


class Entry(Base):
    """One immutable line: credits in or out, why, and the balance after it.

    ``key`` is the cause, unique in its wallet. ``names`` is the ``seq`` of what
    this entry is about: a reversal names its spend, an expiry or a clawback its
    lot, a restored clawback the clawback, a capture its hold. ``debt`` is by how much
    the wallet's debt moves. ``amount_minor`` and ``currency`` are what was paid, or
    refunded. Zero credits are kept only where the line itself matters: an emptied lot
    that ended, a refund too small to take another credit.
    """

    __tablename__ = "prepaid_entry"
    __table_args__ = (
        ForeignKeyConstraint(["wallet_id"], ["prepaid_wallet.id"]),
        UniqueConstraint("wallet_id", "key"),
        CheckConstraint("seq > 0", name="seq_positive"),
        CheckConstraint("balance_after >= 0", name="balance_after_not_negative"),
        CheckConstraint("credits <> 0 OR kind IN ('expiry', 'clawback')", name="credits_move"),
        CheckConstraint("debt = 0 OR kind = 'clawback'", name="debt_by_clawback"),
        CheckConstraint(
            "CASE WHEN kind IN ('purchase', 'grant', 'allowance', 'reversal') THEN credits > 0"
            " WHEN kind IN ('spend', 'expiry') THEN credits <= 0 ELSE TRUE END",
            name="sign_of_kind",
        ),
        CheckConstraint("(amount_minor IS NULL) = (currency IS NULL)", name="amount_has_currency"),
        CheckConstraint("amount_minor >= 0", name="amount_not_negative"),
        whole_numbers("seq", "credits", "debt", "balance_after"),
        Index(
            "ix_prepaid_entry_wallet_id_names",
            "wallet_id",
            "names",
            postgresql_where=text("names IS NOT NULL"),
            sqlite_where=text("names IS NOT NULL"),
        ),
    )

    wallet_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[Kind] = mapped_column(words(Kind))
    key: Mapped[str] = mapped_column(String(128))
    credits: Mapped[int]
    debt: Mapped[int] = mapped_column(default=0)
    balance_after: Mapped[int]
    at: Mapped[datetime]
    names: Mapped[int | None]
    expires_at: Mapped[datetime | None]
    amount_minor: Mapped[int | None]
    currency: Mapped[str | None] = mapped_column(String(3))
    reason: Mapped[str | None]


class Hold(Base):
    """Credits set aside for work that is not done yet. It takes a ``seq`` and draws like a spend.

    What ends it takes the next one, ``closed_seq``: the capture's entry, or none
    when all goes back.
    """

    __tablename__ = "prepaid_hold"
    __table_args__ = (
        ForeignKeyConstraint(["wallet_id"], ["prepaid_wallet.id"]),
        UniqueConstraint("wallet_id", "key"),
        UniqueConstraint("wallet_id", "closed_seq"),
        CheckConstraint("credits > 0", name="credits_positive"),
        CheckConstraint("captured >= 0 AND captured <= credits", name="captured_within_held"),
        CheckConstraint("(state = 'captured') = (captured > 0)", name="captured_by_capture"),
        CheckConstraint("(state = 'open') = (closed_seq IS NULL)", name="open_until_closed"),
        CheckConstraint("closed_seq > seq", name="closed_after_opened"),
        whole_numbers("seq", "credits", "captured"),
        Index(
            "ix_prepaid_hold_open",
            "wallet_id",
            "expires_at",
            postgresql_where=text("state = 'open'"),
            sqlite_where=text("state = 'open'"),
        ),
        Index(
            "ix_prepaid_hold_due",
            "expires_at",
            postgresql_where=text("state = 'open'"),
            sqlite_where=text("state = 'open'"),
        ),
    )

    wallet_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    key: Mapped[str] = mapped_column(String(128))
    credits: Mapped[int]
    captured: Mapped[int] = mapped_column(default=0)
    state: Mapped[HoldState] = mapped_column(words(HoldState), default=HoldState.OPEN)
    at: Mapped[datetime]
    expires_at: Mapped[datetime]
    closed_seq: Mapped[int | None]
    closed_at: Mapped[datetime | None]


class Lot(Base):
    """What is left of credits that came in together, drawn up to the wallet's ``drawn_seq``.

    Its ``seq`` is that of the entry it came in by, which has its price and expiry.
    ``origin`` is the lot that its credits first came in by: itself, but for credits
    that came back after that one had ended. All of it follows from the entries and
    holds; the audit draws it again and compares.
    """

    __tablename__ = "prepaid_lot"
    __table_args__ = (
        ForeignKeyConstraint(["wallet_id"], ["prepaid_wallet.id"]),
        CheckConstraint("left_over >= 0", name="left_over_not_negative"),
        CheckConstraint("held >= 0", name="held_not_negative"),
        Index(
            "ix_prepaid_lot_live",
            "wallet_id",
            postgresql_where=text("left_over > 0 OR held > 0"),
            sqlite_where=text("left_over > 0 OR held > 0"),
        ),
    )

    wallet_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    origin: Mapped[int]
    left_over: Mapped[int]
    held: Mapped[int] = mapped_column(default=0)
    ended: Mapped[bool] = mapped_column(default=False)
    expires_at: Mapped[datetime | None]
    paid: Mapped[bool]


class Draw(Base):
    """Credits that one event took from one lot, or gave back to it where negative."""

    __tablename__ = "prepaid_draw"
    __table_args__ = (
        ForeignKeyConstraint(["wallet_id"], ["prepaid_wallet.id"]),
        CheckConstraint("credits <> 0", name="credits_move"),
    )

    wallet_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    lot_seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    credits: Mapped[int]


class Customer(Base):
    """Which Stripe customer stands for an owner. The key was committed before Stripe was asked for one."""

    __tablename__ = "prepaid_customer"

    owner: Mapped[str] = mapped_column(String(64), primary_key=True)
    idempotency_key: Mapped[str] = mapped_column(unique=True)
    stripe_id: Mapped[str | None] = mapped_column(unique=True)
    default_card_id: Mapped[str | None]
    cards_fetched_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class SavedCard(Base):
    """A card on file, as Stripe last told it. ``id`` is the PaymentMethod's; no number is kept anywhere.

    ``fingerprint`` is Stripe's name for the number, the same whoever has the card.
    """

    __tablename__ = "prepaid_card"
    __table_args__ = (
        Index("ix_prepaid_card_owner", "owner"),
        Index("ix_prepaid_card_fingerprint", "fingerprint"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(String(64))
    brand: Mapped[str] = mapped_column(String(32))
    last4: Mapped[str] = mapped_column(String(4))
    exp_month: Mapped[int]
    exp_year: Mapped[int]
    name: Mapped[str | None]
    fingerprint: Mapped[str | None]


class Payment(Base):
    """Money that was asked for, and what it buys. Committed before Stripe is asked.

    Price and credits are what was agreed; a catalogue changed since then changes
    nothing. Any Stripe id of the payment finds the row, so one payment cannot
    grant twice under two names. ``amount_minor`` is the price agreed, ``paid_minor``
    what arrived: less by ``discount_minor`` with a promotion code, and with ``tax_minor``
    in it where tax is added. Stripe's objects carry
    ``idempotency_key`` in their metadata, which finds the row before it knows their ids.
    ``look_at`` is when ``tick`` asks Stripe what came of it, by the wall clock; no
    longer once that is final. ``failure_counted``: it is in the sums of failures.
    """

    __tablename__ = "prepaid_payment"
    __table_args__ = (
        CheckConstraint("credits > 0", name="credits_positive"),
        CheckConstraint("amount_minor >= 0", name="amount_not_negative"),
        Index("ix_prepaid_payment_owner_id", "owner", "id"),
        Index("ix_prepaid_payment_look_at", "look_at"),
        Index("ix_prepaid_payment_created_at", "created_at"),
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
    paid_minor: Mapped[int | None]
    discount_minor: Mapped[int] = mapped_column(default=0)
    tax_minor: Mapped[int] = mapped_column(default=0)
    refunded_minor: Mapped[int] = mapped_column(default=0)
    idempotency_key: Mapped[str] = mapped_column(unique=True)
    session_id: Mapped[str | None] = mapped_column(unique=True)
    payment_intent_id: Mapped[str | None] = mapped_column(unique=True)
    charge_id: Mapped[str | None] = mapped_column(unique=True)
    invoice_id: Mapped[str | None] = mapped_column(unique=True)
    card_id: Mapped[str | None]
    receipt_url: Mapped[str | None] = mapped_column(String(1024))
    failure: Mapped[str | None]
    failure_counted: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    paid_at: Mapped[datetime | None]
    fetched_at: Mapped[datetime | None]
    look_at: Mapped[datetime | None]
    looks: Mapped[int] = mapped_column(default=0)


class Refund(Base):
    """Money that goes back to the card, asked for here or in Stripe's dashboard.

    One that is asked for here is committed before Stripe hears of it. ``state`` is
    Stripe's word, or ``requested`` as long as its answer is not known.
    """

    __tablename__ = "prepaid_refund"
    __table_args__ = (
        ForeignKeyConstraint(["payment_id"], ["prepaid_payment.id"]),
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        Index("ix_prepaid_refund_payment_id", "payment_id"),
        Index("ix_prepaid_refund_look_at", "look_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    payment_id: Mapped[int]
    amount_minor: Mapped[int]
    state: Mapped[str] = mapped_column(String(32), default="requested")
    reason: Mapped[str | None]
    idempotency_key: Mapped[str] = mapped_column(unique=True)
    stripe_id: Mapped[str | None] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    fetched_at: Mapped[datetime | None]
    look_at: Mapped[datetime | None]


class Dispute(Base):
    """A bank wants its customer's money back. ``state`` is Stripe's word; a ``warning_`` took none."""

    __tablename__ = "prepaid_dispute"
    __table_args__ = (
        ForeignKeyConstraint(["payment_id"], ["prepaid_payment.id"]),
        Index("ix_prepaid_dispute_payment_id", "payment_id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    payment_id: Mapped[int]
    amount_minor: Mapped[int]
    state: Mapped[str] = mapped_column(String(32))
    created_at: Mapped[datetime]
    fetched_at: Mapped[datetime]


class TopUp(Base):
    """What an owner has set for auto top-up. ``stopped`` says why it switched itself off.

    What became of its payments is read from them, those after ``after_payment``: the
    last one when it was switched on.
    """

    __tablename__ = "prepaid_topup"
    __table_args__ = (CheckConstraint("threshold > 0", name="threshold_positive"),)

    owner: Mapped[str] = mapped_column(String(64), primary_key=True)
    on: Mapped[bool]
    pack: Mapped[str] = mapped_column(String(64))
    threshold: Mapped[int]
    ceiling_minor: Mapped[int]
    after_payment: Mapped[int] = mapped_column(default=0)
    stopped: Mapped[str | None]


class Notice(Base):
    """What a customer was told and is not to be told again, such as ``balance-low``."""

    __tablename__ = "prepaid_notice"

    owner: Mapped[str] = mapped_column(String(64), primary_key=True)
    about: Mapped[str] = mapped_column(String(255), primary_key=True)
    told_at: Mapped[datetime]


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


class InboxEvent(Base):
    """A Stripe event that came. Kept once, without its payload; handled when ``handled_at`` is set.

    ``livemode`` is whether it tells of real money; unknown of what came before this was kept.
    """

    __tablename__ = "prepaid_inbox"
    __table_args__ = (
        Index("ix_prepaid_inbox_received_at", "received_at", "id"),
        Index("ix_prepaid_inbox_object_id", "object_id"),
        Index(
            "ix_prepaid_inbox_waiting",
            "received_at",
            postgresql_where=text("handled_at IS NULL"),
            sqlite_where=text("handled_at IS NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    type: Mapped[str]
    object_id: Mapped[str | None]
    api_version: Mapped[str | None] = mapped_column(String(64))
    livemode: Mapped[bool | None]
    created_at: Mapped[datetime]
    received_at: Mapped[datetime]
    handled_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(default=0)
