"""Credit notes: who gets money of a plan's invoice back, in whatever way, gives its credits back."""

from __future__ import annotations

from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..context import Context, Write, nothing, reading, write_now
from ..gateway.values import StripeCreditNote
from ..payments import payments
from ..payments.models import CreditNote, Payment
from ..subscriptions import sync
from ..subscriptions.models import Invoice
from .taking_back import take_back

#: A credit note in this state takes nothing.
VOID = "void"


def sync_credit_note(context: Context, note_id: str) -> Write[None]:
    """Fetch a credit note; what is returned takes the credits of what it gave back. Commits.

    What it refunded to the card is a refund, which takes its own.
    """
    note = context.gateway.credit_notes.fetch(note_id)
    if note is None:
        return nothing
    with reading(context) as session:
        is_settled = payment_of(session, note) is not None
    if not is_settled:
        bill = context.gateway.invoices.fetch(note.invoice_id)
        if bill is None:
            return nothing
        write_now(context, sync.sync_invoice(context, bill))
    return partial(_apply, context, note)


def payment_of(session: Session, note: StripeCreditNote) -> Payment | None:
    """Our payment of the invoice that a credit note is about, once the invoice has given credits."""
    of_invoice = select(Payment).join(Invoice, Invoice.payment_id == Payment.id)
    return session.scalar(of_invoice.where(Invoice.stripe_id == note.invoice_id))


def _apply(context: Context, note: StripeCreditNote) -> None:
    """Move credits as a fetched credit note says, unless a later fetch has."""
    session = context.session
    payment = payment_of(session, note)
    if payment is None:
        return
    payments.lock(session, payment)
    row = session.get(CreditNote, note.id, populate_existing=True)
    if row is not None and row.fetched_at > note.asked_at:
        return
    row = row or CreditNote(
        id=note.id, payment_id=payment.id, created_at=note.created_at, taken_minor=0, takes=0
    )
    row.amount_minor, row.state, row.fetched_at = note.amount_minor, note.status, note.asked_at
    session.add(row)
    amount_minor = 0 if note.status == VOID else note.amount_minor
    take_back(context, payment, row, f"credit-note:{note.id}", amount_minor, "credited")
