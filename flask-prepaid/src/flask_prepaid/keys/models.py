"""The table of API keys."""

from __future__ import annotations

import re
from datetime import datetime

from sqlalchemy import Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from prepaid_ledger.database import Base

#: What ``spender_of`` writes.
KEY_SPENDER = re.compile(r"key:([1-9]\d{0,17})", re.ASCII)


class ApiKey(Base):
    """A program's way in. Only a digest is kept: the key itself is shown once.

    Of one owner's keys that are not revoked, each has a name of its own. ``start`` are its first characters,
    by which its owner knows it again. ``last_used_at`` is kept to the minute.
    """

    __tablename__ = "prepaid_api_key"
    __table_args__ = (
        Index("ix_prepaid_api_key_owner", "owner"),
        Index(
            "uq_prepaid_api_key_owner_name",
            "owner",
            "name",
            unique=True,
            postgresql_where=text("revoked_at IS NULL"),
            sqlite_where=text("revoked_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(80))
    start: Mapped[str] = mapped_column(String(12))
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    @property
    def spender(self) -> str:
        """Who it is in the books: ``key:17``. Budgets and usage are by it."""
        return spender_of(self.id)


def spender_of(key_id: int) -> str:
    """The spender that an API key is."""
    return f"key:{key_id}"


def id_of(spender: str | None) -> int | None:
    """The key that a spender is; ``None``: it is none."""
    number = KEY_SPENDER.fullmatch(spender or "")
    return int(number[1]) if number else None
