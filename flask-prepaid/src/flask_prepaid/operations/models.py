"""The table of the events that came from Stripe."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from prepaid_ledger.database import Base


class InboxEvent(Base):
    """A Stripe event that came. Kept once, without its payload; handled when ``handled_at`` is set.

    ``livemode`` is whether it tells of real money; unknown of what came before this was kept.
    """

    __tablename__ = "prepaid_inbox"
    _shown = ("id", "type", "object_id", "handled_at")
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
