"""What the causes of entries name: the payment behind ``payment:42``, or behind ``refund:re_1`` of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from prepaid_ledger import Entry, Kind

from ..languages import formats
from ..languages.reasons import unsigned
from ..languages.words import gettext as _
from ..languages.words import marked
from ..payments.models import Dispute, Payment, Refund
from ..purchases.money_back.models import CreditNote
from ..subscriptions.models import Invoice
from . import forms, page

#: What causes entries, by the word that its causes begin with: its id there, and the id of its payment.
BEHIND: dict[str, tuple[Any, Any]] = {
    "payment": (Payment.id, Payment.id),
    "invoice": (Invoice.id, Invoice.payment_id),
    "refund": (Refund.stripe_id, Refund.payment_id),
    "dispute": (Dispute.id, Dispute.payment_id),
    "credit-note": (CreditNote.id, CreditNote.payment_id),
    "balance": (Payment.id, Payment.id),
}

#: Those whose ids are numbers of ours, and not names of Stripe's.
NUMBERED = ("payment", "invoice", "balance")

#: What a customer reads where credits were taken back, by the word that the cause begins with.
TAKEN_BACK = {
    "refund": marked("Refunded: payment of %(day)s"),
    "dispute": marked("Disputed at your bank: payment of %(day)s"),
    "credit-note": marked("Given back by a credit note: payment of %(day)s"),
    "balance": marked("Paid from money that went back to you since: payment of %(day)s"),
}

#: What a customer reads where such credits come again, by the same words: the money stays with the shop.
GIVEN_AGAIN = {
    "refund": marked("Not refunded after all: payment of %(day)s"),
    "dispute": marked("Not disputed any more: payment of %(day)s"),
    "credit-note": marked("The credit note is void: payment of %(day)s"),
    "balance": marked("Paid for after all: payment of %(day)s"),
}

#: What the cause of an entry begins with that gives again what another entry has taken back.
UNDONE = "undone:"


def taken_back(entries: Iterable[Entry]) -> dict[str, str]:
    """Why credits of this request's customer were taken back, or came again, by the entry's cause.

    It names the day of the payment, and the credits that are owed because they were spent already.
    """
    owner = page.context().current_owner()
    taken = [entry for entry in entries if entry.kind is Kind.CLAWBACK]
    if owner is None or not taken:
        return {}
    session = page.context().session
    payment_of = payments_behind(session, owner, [entry.key for entry in taken])
    at = select(Payment.id, func.coalesce(Payment.paid_at, Payment.created_at))
    rows = session.execute(at.where(Payment.id.in_(payment_of.values())))
    days = {number: formats.short_day(moment) for number, moment in rows}
    words = {entry.key: _why(entry, days.get(payment_of.get(entry.key, 0))) for entry in taken}
    return {cause: why for cause, why in words.items() if why is not None}


def _why(entry: Entry, day: str | None) -> str | None:
    """What a customer reads of one such entry; ``None`` where its cause is the host's own."""
    if entry.credits < 0 and entry.debt < 0:
        return _("Pays what you owed: %(credits)s", credits=formats.credits(-entry.debt))
    sentences = GIVEN_AGAIN if entry.key.startswith(UNDONE) else TAKEN_BACK
    sentence = sentences.get(entry.key.removeprefix(UNDONE).partition(":")[0])
    if day is None or sentence is None:
        return None
    why = _(sentence, day=day)
    if entry.debt <= 0:
        return why
    return _("%(why)s. Already spent, so you owe: %(credits)s", why=why, credits=formats.credits(entry.debt))


def reason(entry: Entry) -> str:
    """Why an entry was posted, as its customer reads it: without the name of the operator who wrote it."""
    written = unsigned(entry.reason)
    return _(written) if written else ""


def payments_behind(session: Session, owner: str, causes: Iterable[str]) -> dict[str, int]:
    """The number of the owner's payment behind each of these causes.

    A host writes causes of its own: one that names no payment of this owner's is left out.
    """
    named = {cause: row for cause in causes if (row := _named(cause)) is not None}
    ids: defaultdict[str, set[int | str]] = defaultdict(set)
    for what, row_id in named.values():
        ids[what].add(row_id)
    mine = select(Payment.id).where(Payment.owner == owner).correlate(None)
    known: dict[tuple[str, int | str], int] = {}
    for what, wanted in ids.items():
        name, payment_id = BEHIND[what]
        rows = select(name, payment_id).where(name.in_(wanted), payment_id.in_(mine))
        for row_id, number in session.execute(rows):
            known[what, row_id] = number
    return {cause: known[row] for cause, row in named.items() if row in known}


def _named(cause: str) -> tuple[str, int | str] | None:
    """The table and the row that a cause names.

    ``invoice:8:month:2`` names an invoice, ``undone:refund:re_1`` a refund.
    """
    what, _, rest = cause.removeprefix(UNDONE).partition(":")
    text = rest.partition(":")[0]
    if what not in BEHIND or not text:
        return None
    row_id = forms.row_id(text) if what in NUMBERED else text
    return None if row_id is None else (what, row_id)
