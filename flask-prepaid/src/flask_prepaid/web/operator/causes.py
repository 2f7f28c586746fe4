"""What the causes of entries name: the payment behind ``payment:42``, or behind ``invoice:8`` of a plan."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from ...payments.models import Payment
from ...subscriptions.models import Invoice
from .. import forms


def payments_behind(session: Session, owner: str, causes: Iterable[str]) -> dict[str, int]:
    """The number of the owner's payment behind each of these causes.

    A host writes causes of its own: one that names no payment of this owner's is left out.
    """
    named = {cause: _named(cause) for cause in causes}
    payments = [number for what, number in named.values() if what == "payment"]
    invoices = [number for what, number in named.values() if what == "invoice"]
    bought = select(Payment.id).where(Payment.owner == owner, Payment.id.in_(payments))
    billed = (
        select(Invoice.id, Payment.id)
        .join(Payment, Payment.id == Invoice.payment_id)
        .where(Payment.owner == owner, Invoice.id.in_(invoices))
    )
    known: dict[tuple[str, int | None], int] = {}
    known |= {("payment", number): number for number in session.scalars(bought)}
    known |= {("invoice", invoice): number for invoice, number in session.execute(billed)}
    return {cause: known[row] for cause, row in named.items() if row in known}


def _named(cause: str) -> tuple[str, int | None]:
    """The table and the row that a cause names; ``invoice:8:month:2`` names the invoice."""
    what, _, rest = cause.partition(":")
    return what, forms.row_id(rest.partition(":")[0])
