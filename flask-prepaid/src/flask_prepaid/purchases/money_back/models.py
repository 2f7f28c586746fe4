"""The tables of credit notes and of early fraud warnings, as they were last fetched from Stripe."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from prepaid_ledger.database import Base

from ...payments.models import TakesBack


class CreditNote(TakesBack, Base):
    """An invoice of a plan or of a purchase was made smaller after it was paid.

    ``amount_minor`` is what of it is no refund to the card: ``outside_minor`` was given back outside of
    Stripe, the rest to the customer's balance. https://docs.stripe.com/api/credit_notes
    """

    __tablename__ = "prepaid_credit_note"
    __table_args__ = (
        ForeignKeyConstraint(["payment_id"], ["prepaid_payment.id"]),
        Index("ix_prepaid_credit_note_payment_id", "payment_id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    payment_id: Mapped[int]
    amount_minor: Mapped[int]
    outside_minor: Mapped[int] = mapped_column(default=0)
    state: Mapped[str] = mapped_column(String(32))
    created_at: Mapped[datetime]
    fetched_at: Mapped[datetime]


class FraudWarning(Base):
    """A card's bank suspects a charge, by Stripe's early fraud warning: money that may be taken back soon.

    ``payment_intent_id`` is that charge; its payment may have been paid by another one. ``actionable``: it is
    neither refunded in full nor disputed yet, as last fetched. ``end_plan_at``: ``tick`` ends the plan that
    the payment is for; ``None`` once it has, or where none is.
    """

    __tablename__ = "prepaid_fraud_warning"
    __table_args__ = (
        ForeignKeyConstraint(["payment_id"], ["prepaid_payment.id"]),
        Index("ix_prepaid_fraud_warning_payment_id", "payment_id"),
        Index(
            "ix_prepaid_fraud_warning_end_plan_at",
            "end_plan_at",
            postgresql_where=text("end_plan_at IS NOT NULL"),
            sqlite_where=text("end_plan_at IS NOT NULL"),
        ),
        Index(
            "ix_prepaid_fraud_warning_actionable",
            "created_at",
            postgresql_where=text("actionable"),
            sqlite_where=text("actionable"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    payment_id: Mapped[int]
    payment_intent_id: Mapped[str]
    fraud_type: Mapped[str] = mapped_column(String(64))
    actionable: Mapped[bool]
    created_at: Mapped[datetime]
    fetched_at: Mapped[datetime]
    end_plan_at: Mapped[datetime | None]
