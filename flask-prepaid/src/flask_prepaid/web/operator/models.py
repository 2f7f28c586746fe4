"""The table of what operators have given."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Date
from sqlalchemy.orm import Mapped, mapped_column

from prepaid_ledger.database import Base


class OperatorDay(Base):
    """How many credits an operator has given on a day, UTC, where there is a limit to that."""

    __tablename__ = "prepaid_operator_day"

    operator: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    credits: Mapped[int]
