"""The ledger's tables, a public door: wallets, entries, holds, lots and their draws, budgets, usage by day,
and what of each wallet lies in the archive.

Read them as you like. Only the ledger writes them.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    DDL,
    CheckConstraint,
    ColumnElement,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    ScalarSelect,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    and_,
    case,
    event,
    select,
    text,
    tuple_,
)
from sqlalchemy.orm import Mapped, mapped_column

from .checks import check_owner
from .database import entry_rules
from .database.types import Base, Quantities, QuantityText, whole_numbers, words
from .slots import SLOTS, slot_of


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


class Every(StrEnum):
    """How often a budget begins anew."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    EVER = "ever"


class Wallet(Base):
    """One owner's credits. The balance is the sum of the wallet's entries.

    ``slot`` follows from the owner (``slots.py``), and is part of every key of a wallet's rows.

    ``held`` is the part of the balance that open holds set aside. ``seq`` is the
    number last given out, to an entry, a hold or a release. ``moved_at`` is the time
    of that: times never go back inside a wallet, whatever the clocks do. Nothing in
    the wallet ends before ``next_expiry_at``, a lower bound. Lots are drawn up to
    ``drawn_seq``. ``budget_changes`` counts how often a budget was set; 0: there never was one. While the
    whole wallet has a budget, ``charged`` counts on with each charge: where it began says nothing.
    """

    __tablename__ = "prepaid_wallet"
    _shown = ("owner", "balance", "held", "debt")
    __table_args__ = (
        UniqueConstraint("owner", "slot"),
        CheckConstraint(f"slot >= 0 AND slot < {SLOTS}", name="slot_in_range"),
        CheckConstraint("balance >= 0", name="balance_not_negative"),
        CheckConstraint("held >= 0 AND held <= balance", name="held_within_balance"),
        CheckConstraint("debt >= 0", name="debt_not_negative"),
        CheckConstraint("seq >= 0 AND drawn_seq >= 0 AND drawn_seq <= seq", name="drawn_within_seq"),
        whole_numbers("balance", "held", "debt", "seq", "charged"),
        Index(
            "ix_prepaid_wallet_next_expiry_at",
            "next_expiry_at",
            postgresql_where=text("next_expiry_at IS NOT NULL"),
            sqlite_where=text("next_expiry_at IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    slot: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    owner: Mapped[str] = mapped_column(String(64))
    held: Mapped[int] = mapped_column(default=0)
    debt: Mapped[int] = mapped_column(default=0)
    drawn_seq: Mapped[int] = mapped_column(default=0)
    next_expiry_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    # What a spend changes stands side by side: PostgreSQL's log has a row from the first byte that changes to
    # the last. Of ``seq`` that is one byte, the lowest first.
    charged: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    moved_at: Mapped[datetime]
    balance: Mapped[int] = mapped_column(default=0)
    seq: Mapped[int] = mapped_column(default=0)
    budget_changes: Mapped[int] = mapped_column(Integer, default=0, server_default=text("0"))

    @classmethod
    def owned_by(cls, *owners: str) -> ColumnElement[bool]:
        """The condition that finds the owners' wallets, each in its slot alone.

        :raises ValueError: One of them can't be an owner.
        """
        for owner in owners:
            check_owner(owner)
        if len(owners) == 1:
            return and_(cls.owner == owners[0], cls.slot == slot_of(owners[0]))
        return tuple_(cls.owner, cls.slot).in_([(owner, slot_of(owner)) for owner in owners])


class InWallet:
    """The columns by which a row belongs to a wallet: they begin its key."""

    wallet_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False, sort_order=-2)
    slot: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False, sort_order=-1)

    @classmethod
    def of(cls, wallet: Any) -> ColumnElement[bool]:
        """The condition that a row is of ``wallet``: whatever has its ``slot`` and ``id``, or ``Wallet``."""
        return and_(cls.slot == wallet.slot, cls.wallet_id == wallet.id)

    @classmethod
    def same_wallet_as(cls, row: Any) -> ColumnElement[bool]:
        """The condition that a row is of the wallet that ``row`` is of, or a class of rows."""
        return and_(cls.slot == row.slot, cls.wallet_id == row.wallet_id)


def _refers_to_wallet() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["wallet_id", "slot"], ["prepaid_wallet.id", "prepaid_wallet.slot"])


#: Room on each page lets PostgreSQL move a balance without touching an index.
FILLFACTOR = DDL("ALTER TABLE %(fullname)s SET (fillfactor = 70)")  # type: ignore[no-untyped-call]
event.listen(Wallet.__table__, "after_create", FILLFACTOR.execute_if(dialect="postgresql"))


class Entry(InWallet, Base):
    """One immutable line: credits in or out, why, and the balance after it.

    ``key`` is the cause, unique in its wallet. ``refers_to_seq`` is the ``seq`` of what
    this entry is about: a reversal refers to its spend, an expiry or a clawback to its
    lot, a restored clawback to the clawback, a capture to its hold. ``debt`` is by how
    much the wallet's debt moves: by a clawback of what is spent, or a capture of more than
    there is. ``amount_minor`` and ``currency`` are what was paid, or
    refunded; ``tax_minor`` is what of it is tax, ``None`` where none is known. ``claimed`` is how many
    credits a clawback that names them was to take: what it
    took may be less, and becomes more when an earlier one of its lot is undone. ``expires_at`` is when
    credits that come in end. An expiry has it whose credits moved on, to end then, while
    others of the lot are held: the lot goes on for these.
    Zero credits are kept only where the line itself matters: an emptied lot
    that ended, a refund too small to take another credit.

    ``spender``, ``item``, ``quantity`` and ``price_version`` say who spent, on what, how
    much of it and by which price list; a reversal has the first two of its spend.
    """

    __tablename__ = "prepaid_entry"
    _shown = ("seq", "kind", "credits", "key", "balance_after", "at")
    __table_args__ = (
        _refers_to_wallet(),
        UniqueConstraint("wallet_id", "slot", "key"),
        *entry_rules.checks(),
        whole_numbers("seq", "credits", "debt", "balance_after"),
        Index(
            "ix_prepaid_entry_refers_to_seq",
            "wallet_id",
            "slot",
            "refers_to_seq",
            postgresql_where=text("refers_to_seq IS NOT NULL OR kind = 'adjustment'"),
            sqlite_where=text("refers_to_seq IS NOT NULL OR kind = 'adjustment'"),
        ),
        Index(
            "ix_prepaid_entry_owed",
            "wallet_id",
            "slot",
            "seq",
            postgresql_where=text("debt > 0"),
            sqlite_where=text("debt > 0"),
        ),
    )

    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[Kind] = mapped_column(words(Kind, checked=False))
    key: Mapped[str] = mapped_column(String(128))
    credits: Mapped[int]
    debt: Mapped[int] = mapped_column(default=0)
    balance_after: Mapped[int]
    at: Mapped[datetime]
    refers_to_seq: Mapped[int | None]
    expires_at: Mapped[datetime | None]
    amount_minor: Mapped[int | None]
    tax_minor: Mapped[int | None]
    currency: Mapped[str | None] = mapped_column(String(3))
    claimed: Mapped[int | None]
    reason: Mapped[str | None]
    spender: Mapped[str | None] = mapped_column(String(64))
    item: Mapped[str | None] = mapped_column(String(64))
    quantity: Mapped[Quantities | None] = mapped_column(QuantityText())
    price_version: Mapped[str | None] = mapped_column(String(32))


event.listen(Entry.__table__, "before_create", entry_rules.FUNCTION.execute_if(dialect="postgresql"))


class Hold(InWallet, Base):
    """Credits set aside for work that is not done yet. It takes a ``seq`` and draws like a spend.

    What ends it takes the next one, ``closed_seq``: the capture's entry, or none
    when all goes back. ``credits`` are held in all: the ``opened_credits`` and those of its extensions.
    A meter's hold says what was ``counted`` when it was last written; that is captured when its time is over.
    ``meter`` is by what that meter knows its hold again if the answer to the first COMMIT is lost.
    """

    __tablename__ = "prepaid_hold"
    _shown = ("key", "credits", "state", "captured", "expires_at")
    __table_args__ = (
        _refers_to_wallet(),
        UniqueConstraint("wallet_id", "slot", "key"),
        UniqueConstraint("wallet_id", "slot", "closed_seq"),
        CheckConstraint("credits > 0", name="credits_positive"),
        CheckConstraint("captured >= 0 AND captured <= credits", name="captured_within_held"),
        CheckConstraint("opened_credits > 0 AND opened_credits <= credits", name="opened_within_held"),
        CheckConstraint("counted >= 0 AND counted <= credits", name="counted_within_held"),
        CheckConstraint("(state = 'captured') = (captured > 0)", name="captured_by_capture"),
        CheckConstraint("(state = 'open') = (closed_seq IS NULL)", name="open_until_closed"),
        CheckConstraint("closed_seq > seq", name="closed_after_opened"),
        CheckConstraint("(closed_at IS NULL) = (closed_seq IS NULL)", name="closed_at_a_time"),
        whole_numbers("seq", "credits", "opened_credits", "captured"),
        Index(
            "ix_prepaid_hold_open",
            "wallet_id",
            "slot",
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

    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    key: Mapped[str] = mapped_column(String(128))
    credits: Mapped[int]
    opened_credits: Mapped[int]
    captured: Mapped[int] = mapped_column(default=0)
    counted: Mapped[int | None]
    meter: Mapped[str | None] = mapped_column(String(16))
    state: Mapped[HoldState] = mapped_column(words(HoldState), default=HoldState.OPEN)
    at: Mapped[datetime]
    expires_at: Mapped[datetime]
    closed_seq: Mapped[int | None]
    closed_at: Mapped[datetime | None]
    spender: Mapped[str | None] = mapped_column(String(64))
    item: Mapped[str | None] = mapped_column(String(64))
    quantity: Mapped[Quantities | None] = mapped_column(QuantityText())
    price_version: Mapped[str | None] = mapped_column(String(32))


class HoldExtension(InWallet, Base):
    """Credits by which a hold has grown. It takes a ``seq`` and draws like a spend.

    ``held_before`` were held until then.
    """

    __tablename__ = "prepaid_hold_extension"
    __table_args__ = (
        ForeignKeyConstraint(
            ["wallet_id", "slot", "hold_seq"],
            ["prepaid_hold.wallet_id", "prepaid_hold.slot", "prepaid_hold.seq"],
        ),
        UniqueConstraint("wallet_id", "slot", "hold_seq", "held_before"),
        CheckConstraint("credits > 0 AND held_before > 0", name="credits_positive"),
        CheckConstraint("seq > hold_seq", name="extended_after_opened"),
        whole_numbers("seq", "held_before", "credits"),
    )

    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    hold_seq: Mapped[int]
    held_before: Mapped[int]
    credits: Mapped[int]
    at: Mapped[datetime]


class Lot(InWallet, Base):
    """What is left of credits that came in together, drawn up to the wallet's ``drawn_seq``.

    Its ``seq`` is that of the entry it came in by, which has its price and expiry.
    ``origin`` is the lot that its credits first came in by: itself, but for credits
    that came back after that one had ended. All of it follows from the entries and
    holds; the audit draws it again and compares.
    """

    __tablename__ = "prepaid_lot"
    _shown = ("seq", "left_over", "held", "ended", "expires_at")
    __table_args__ = (
        _refers_to_wallet(),
        CheckConstraint("left_over >= 0", name="left_over_not_negative"),
        CheckConstraint("held >= 0", name="held_not_negative"),
        Index(
            "ix_prepaid_lot_live",
            "wallet_id",
            "slot",
            postgresql_where=text("left_over > 0 OR held > 0"),
            sqlite_where=text("left_over > 0 OR held > 0"),
        ),
    )

    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    origin: Mapped[int]
    left_over: Mapped[int]
    held: Mapped[int] = mapped_column(default=0)
    ended: Mapped[bool] = mapped_column(default=False)
    expires_at: Mapped[datetime | None]
    paid: Mapped[bool]


class Draw(InWallet, Base):
    """Credits that one event took from one lot, or gave back to it where negative.

    A spend has no row if it took all of its credits from the lot that the row before names (``lot_upto``): a
    lot that thousands of spends use up has one row, and not as many.
    """

    __tablename__ = "prepaid_draw"
    __table_args__ = (
        _refers_to_wallet(),
        CheckConstraint("credits <> 0", name="credits_move"),
    )

    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    lot_seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    credits: Mapped[int]

    @classmethod
    def lot_upto(cls, seq: Any, its: ColumnElement[bool]) -> ScalarSelect[int]:
        """The lot that the last row up to an event names: a spend without a row took from it.

        :param its: The condition that rows are of the event's wallet.
        """
        rows = select(cls.lot_seq).where(its, cls.seq <= seq)
        return rows.order_by(cls.seq.desc(), cls.lot_seq.desc()).limit(1).scalar_subquery()


class Budget(InWallet, Base):
    """How many credits a spender, or the whole wallet where it is empty, may spend in a calendar window.

    ``spent_of`` is what was charged in the window from ``window_start`` up to, and not including,
    ``resets_at``. It is ``spent_here``; of the whole wallet's, that and the ``charged`` of the wallet, since
    each spend writes that row anyway. A window that is over is rolled on by the next charge.
    """

    __tablename__ = "prepaid_budget"
    __table_args__ = (
        _refers_to_wallet(),
        CheckConstraint("credits >= 0", name="credits_not_negative"),
        CheckConstraint("spender = '' OR spent_here >= 0", name="spent_not_negative"),
        CheckConstraint(
            "(every = 'ever') = (resets_at IS NULL) AND (every = 'ever') = (window_start IS NULL)",
            name="window_unless_ever",
        ),
        whole_numbers("credits", "spent_here"),
    )

    spender: Mapped[str] = mapped_column(String(64), primary_key=True)
    every: Mapped[Every] = mapped_column(words(Every), primary_key=True)
    zone: Mapped[str] = mapped_column(String(64))
    credits: Mapped[int]
    spent_here: Mapped[int]
    window_start: Mapped[datetime | None]
    resets_at: Mapped[datetime | None]

    @classmethod
    def spent_of(cls, wallet: Any) -> ColumnElement[int]:
        """What the window was charged. ``wallet`` is the budget's own: ``Wallet``, where that is joined."""
        return cls.spent_here + case((cls.spender == "", wallet.charged), else_=0)


event.listen(Budget.__table__, "after_create", FILLFACTOR.execute_if(dialect="postgresql"))


class UsageSum(InWallet, Base):
    """What one spender took for one item in a quarter of an hour, of entries up to the wallet's mark.

    ``quarter`` counts them from 1970 on, in UTC: every zone's hours and days begin with one. Spender and item
    are empty where nothing was said. ``calls`` spends took ``credits``; reversals ``returned`` some then.
    """

    __tablename__ = "prepaid_usage"
    __table_args__ = (
        _refers_to_wallet(),
        CheckConstraint("credits >= 0 AND returned >= 0 AND calls >= 0", name="usage_not_negative"),
        whole_numbers("credits", "returned", "calls"),
    )

    quarter: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    spender: Mapped[str] = mapped_column(String(64), primary_key=True)
    item: Mapped[str] = mapped_column(String(64), primary_key=True)
    credits: Mapped[int]
    returned: Mapped[int]
    calls: Mapped[int]


class UsageMark(InWallet, Base):
    """Up to which ``seq`` a wallet's entries are in its sums of usage."""

    __tablename__ = "prepaid_usage_mark"
    __table_args__ = (_refers_to_wallet(),)

    seq: Mapped[int]


event.listen(UsageMark.__table__, "after_create", FILLFACTOR.execute_if(dialect="postgresql"))


class ArchiveMark(InWallet, Base):
    """Up to which ``seq`` a wallet's finished spends were moved to the archive, and how it stood there.

    ``spends`` entries that took ``credits`` together are gone from the books. Whatever else there was up to
    ``seq`` is still in them. ``at`` is the time of the last entry or hold of then, and ``balance`` what
    was there.

    ``digest`` is over all entries up to ``seq``, as the audit makes it, and ``kept_digest`` over those that
    stayed. ``state`` is from where the audit goes on. A mark goes on, and never back.
    """

    __tablename__ = "prepaid_archive_mark"
    __table_args__ = (
        _refers_to_wallet(),
        CheckConstraint("seq > 0", name="seq_positive"),
        CheckConstraint("spends >= 0 AND credits >= 0", name="sums_not_negative"),
    )

    seq: Mapped[int]
    at: Mapped[datetime]
    balance: Mapped[int]
    spends: Mapped[int]
    credits: Mapped[int]
    digest: Mapped[str] = mapped_column(String(32))
    kept_digest: Mapped[str] = mapped_column(String(32))
    state: Mapped[str] = mapped_column(Text)
