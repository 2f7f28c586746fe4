"""Credit notes: an invoice made smaller after it was final. https://docs.stripe.com/api/credit_notes"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from prepaid_ledger import clock

from ..calls import Topic, ask_for, created, walk
from .money_back_values import StripeCreditNote, credit_note_of


class CreditNotes(Topic):
    def fetch(self, note_id: str) -> StripeCreditNote | None:
        asked_at = clock.wall()
        note = ask_for(lambda: self._v1.credit_notes.retrieve(note_id))
        return credit_note_of(note, asked_at) if note is not None else None

    def of_invoice(self, invoice_id: str) -> list[StripeCreditNote]:
        asked_at = clock.wall()
        return [
            credit_note_of(note, asked_at)
            for note in walk(self._v1.credit_notes.list, {"invoice": invoice_id})
        ]

    def all(self, since: datetime | None) -> Iterator[StripeCreditNote]:
        asked_at = clock.wall()
        for note in walk(self._v1.credit_notes.list, created(since)):
            yield credit_note_of(note, asked_at)
