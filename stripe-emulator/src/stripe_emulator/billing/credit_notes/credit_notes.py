"""Credit notes: an invoice made smaller after it was final. https://docs.stripe.com/api/credit_notes"""

from __future__ import annotations

from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.billing.credit_notes import credit_note_rules
from stripe_emulator.core.database import store, undo
from stripe_emulator.core.time import clock
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.events import objects

register = Register()

KIND = "credit_note"


@register.post("/v1/credit_notes")
def create(form: Form) -> Json:
    """https://docs.stripe.com/api/credit_notes/create"""
    invoice = store.named("invoice", form["invoice"], "invoice")
    clock.live_with(invoice)
    return credit_note_rules.issue(invoice, form)


@register.get("/v1/credit_notes/preview")
def preview(form: Form) -> Json:
    """https://docs.stripe.com/api/credit_notes/preview"""
    return _rehearsed(form)


@register.get("/v1/credit_notes/preview/lines")
def preview_lines(form: Form) -> Json:
    """https://docs.stripe.com/api/credit_notes/preview_lines"""
    return lists.slice_of(_rehearsed(form)["lines"]["data"], form, url="/v1/credit_notes/preview/lines")


@register.get("/v1/credit_notes/{id}")
def retrieve(form: Form, credit_note_id: str) -> Json:
    """https://docs.stripe.com/api/credit_notes/retrieve"""
    return store.get(KIND, credit_note_id)


@register.post("/v1/credit_notes/{id}")
def update(form: Form, credit_note_id: str) -> Json:
    """https://docs.stripe.com/api/credit_notes/update"""
    note = store.get(KIND, credit_note_id)
    return objects.change(note, "credit_note.updated", **objects.patch(note, form, ("memo",)))


@register.get("/v1/credit_notes/{credit_note}/lines")
def list_lines(form: Form, credit_note_id: str) -> Json:
    """https://docs.stripe.com/api/credit_notes/lines"""
    note = store.get(KIND, credit_note_id)
    return lists.slice_of(note["lines"]["data"], form, url=f"/v1/credit_notes/{credit_note_id}/lines")


@register.get("/v1/credit_notes")
def list_all(form: Form) -> Json:
    """https://docs.stripe.com/api/credit_notes/list"""
    return lists.page(KIND, form, url="/v1/credit_notes", only=("customer", "invoice"))


@register.post("/v1/credit_notes/{id}/void")
def void(form: Form, credit_note_id: str) -> Json:
    """https://docs.stripe.com/api/credit_notes/void"""
    note = store.get(KIND, credit_note_id)
    clock.live_with(store.get("customer", note["customer"]))
    return credit_note_rules.void(note)


def _rehearsed(form: Form) -> Json:
    """The credit note as it would be; nothing is kept."""
    with undo.rehearsal():
        invoice = store.named("invoice", form["invoice"], "invoice")
        clock.live_with(invoice)
        return dict(credit_note_rules.issue(invoice, form))
