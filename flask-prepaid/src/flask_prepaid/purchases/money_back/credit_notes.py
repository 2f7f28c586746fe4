"""Credit notes: who gets money of an invoice back, in whatever way, gives its credits back.

The invoice bills a plan, or it is of a purchase that Checkout has made one of.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ...context import Context, Write, nothing, reading, write_now
from ...gateway.money_back.money_back_values import StripeCreditNote
from ...payments import payments
from ...payments.models import Payment, PaymentState
from ...subscriptions import sync
from .. import settling
from .models import CreditNote
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
        _settle_first(context, note)
    return partial(apply_note, context, note)


def payment_of(session: Session, note: StripeCreditNote) -> Payment | None:
    """Our payment of the invoice that a credit note is about, once it is known and has brought credits in."""
    payment = payments.find(session, stripe_id=note.invoice_id)
    return payment if payment is not None and payment.state is PaymentState.PAID else None


def purchase_of(context: Context, note: StripeCreditNote) -> Payment | None:
    """The purchase whose invoice a credit note is about, if nothing here has heard of the invoice yet.

    Asks Stripe for the invoice.
    """
    bill = context.gateway.invoices.fetch(note.invoice_id)
    payment = payments.find(context.session, key=bill.payment_key) if bill is not None else None
    return payment if payment is not None and payment.state is PaymentState.PAID else None


def credited_of_each(session: Session, payment_ids: Sequence[int]) -> Counter[int]:
    """What credit notes have given back of payments, not to their cards, by the payment's id."""
    sums = (
        select(CreditNote.payment_id, func.sum(CreditNote.taken_minor))
        .where(CreditNote.payment_id.in_(payment_ids))
        .group_by(CreditNote.payment_id)
    )
    return Counter({payment_id: int(minor) for payment_id, minor in session.execute(sums)})


def _settle_first(context: Context, note: StripeCreditNote) -> None:
    """Settle what the invoice of a credit note has billed: what is taken back came in first. Commits."""
    bill = context.gateway.invoices.fetch(note.invoice_id)
    if bill is None:
        return
    if bill.subscription_id is not None:
        write_now(context, sync.sync_invoice(context, bill))
        return
    settling.settle_first(context, bill.intent_id)
    write_now(context, partial(settling.note_invoice, context, bill))


def apply_note(context: Context, note: StripeCreditNote) -> None:
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
        id=note.id, payment_id=payment.id, created_at=note.created_at, taken_minor=0, taken_once=0, takes=0
    )
    row.amount_minor, row.outside_minor = note.amount_minor, note.outside_minor
    row.state, row.fetched_at = note.status, note.asked_at
    session.add(row)
    amount_minor = 0 if note.status == VOID else note.amount_minor
    take_back(context, payment, row, f"credit-note:{note.id}", amount_minor, "credited")
