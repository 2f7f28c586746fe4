"""The tables of codes: what each gives, who has redeemed it, and who has guessed at one."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from prepaid_ledger.database import Base


class Code(Base):
    """A code and what it gives to whoever redeems it.

    ``code`` is as it was written, ``folded`` how it is compared: capitals and digits alone. It can be
    redeemed ``max_claims`` times by all together (``None``: without end), ``per_owner`` times by one, until
    ``expires_at``, and as long as it is not ``off_at``. Its credits last ``expires_after_s`` seconds from
    then on; ``None`` is for ever. ``claims`` counts how often it was redeemed.

    With a ``referrer`` it is that owner's code: whoever else redeems it brings them ``referrer_credits``.
    """

    __tablename__ = "prepaid_code"
    _shown = ("id", "code", "credits", "claims", "max_claims")
    __table_args__ = (
        UniqueConstraint("folded"),
        CheckConstraint("credits > 0 AND referrer_credits >= 0", name="credits_positive"),
        CheckConstraint("per_owner > 0", name="per_owner_positive"),
        CheckConstraint(
            "claims >= 0 AND (max_claims IS NULL OR claims <= max_claims)", name="claims_within_max"
        ),
        Index("ix_prepaid_code_referrer", "referrer"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(64))
    folded: Mapped[str] = mapped_column(String(64))
    credits: Mapped[int]
    max_claims: Mapped[int | None]
    per_owner: Mapped[int]
    expires_at: Mapped[datetime | None]
    expires_after_s: Mapped[int | None]
    reason: Mapped[str]
    referrer: Mapped[str | None] = mapped_column(String(64))
    referrer_credits: Mapped[int] = mapped_column(default=0)
    claims: Mapped[int] = mapped_column(default=0)
    off_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class CodeClaim(Base):
    """An owner has redeemed a code, for the ``number``-th time. Its grant has the key ``code:<id>``.

    ``key`` names the wish, so that it counts once. Of a referral ``first`` and ``second`` are the two
    owners in the order of the alphabet: the database lets no two of them meet twice.
    ``referrer_credits`` is what the referrer got.
    """

    __tablename__ = "prepaid_code_claim"
    _shown = ("id", "code_id", "owner", "credits", "at")
    __table_args__ = (
        ForeignKeyConstraint(["code_id"], ["prepaid_code.id"]),
        UniqueConstraint("code_id", "owner", "number"),
        UniqueConstraint("owner", "key"),
        UniqueConstraint("first", "second"),
        Index("ix_prepaid_code_claim_code_id_at", "code_id", "at"),
        Index("ix_prepaid_code_claim_at", "at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    code_id: Mapped[int]
    owner: Mapped[str] = mapped_column(String(64))
    number: Mapped[int]
    credits: Mapped[int]
    referrer_credits: Mapped[int] = mapped_column(default=0)
    key: Mapped[str | None] = mapped_column(String(120))
    first: Mapped[str | None] = mapped_column(String(64))
    second: Mapped[str | None] = mapped_column(String(64))
    at: Mapped[datetime]


class CodeGuess(Base):
    """Somebody has tried a code that gives nothing; forgotten after a day. ``address``: where from."""

    __tablename__ = "prepaid_code_guess"
    __table_args__ = (
        Index("ix_prepaid_code_guess_owner_at", "owner", "at"),
        Index("ix_prepaid_code_guess_address_at", "address", "at"),
        Index("ix_prepaid_code_guess_at", "at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(String(64))
    address: Mapped[str | None] = mapped_column(String(64))
    at: Mapped[datetime]
