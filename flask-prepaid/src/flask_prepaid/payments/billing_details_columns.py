"""Whom a customer's invoices are for: a part of the table of customers."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column


class BillingColumns:
    """What stands on the invoices that Stripe makes from now on: a copy, fetched at ``billing_fetched_at``.

    ``tax_id_type`` is Stripe's; without one the tax id is only printed. ``tax_id_ref`` is Stripe's id of it,
    and ``tax_id_status`` what its register says.
    """

    company: Mapped[str | None]
    line1: Mapped[str | None]
    line2: Mapped[str | None]
    postal_code: Mapped[str | None]
    city: Mapped[str | None]
    state: Mapped[str | None]
    country: Mapped[str | None] = mapped_column(String(2))
    tax_id: Mapped[str | None] = mapped_column(String(64))
    tax_id_type: Mapped[str | None] = mapped_column(String(64))
    tax_id_ref: Mapped[str | None]
    tax_id_status: Mapped[str | None] = mapped_column(String(32))
    billing_fetched_at: Mapped[datetime | None]


#: What of it is forgotten with the customer.
BILLING_COLUMNS = tuple(name for name in BillingColumns.__annotations__)
