"""Credit notes: an invoice made smaller after it was final. https://docs.stripe.com/api/credit_notes"""

from __future__ import annotations

from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.billing import credit_note_rules
from stripe_emulator.core import clocks, store
from stripe_emulator.core.store import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.events import objects

register = Register()

KIND = "credit_note"


@register.post("/v1/credit_notes")
def create(form: Form) -> Json:
    """https://docs.stripe.com/api/credit_notes/create"""
    invoice = store.named("invoice", form["invoice"], "invoice")
    clocks.enter(invoice)
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
def retrieve(form: Form, id: str) -> Json:
    """https://docs.stripe.com/api/credit_notes/retrieve"""
    return store.get(KIND, id)


@register.post("/v1/credit_notes/{id}")
def update(form: Form, id: str) -> Json:
    """https://docs.stripe.com/api/credit_notes/update"""
    found = store.get(KIND, id)
    return objects.change(found, "credit_note.updated", **objects.patch(found, form, ("memo",)))


@register.get("/v1/credit_notes/{credit_note}/lines")
def list_lines(form: Form, credit_note: str) -> Json:
    """https://docs.stripe.com/api/credit_notes/lines"""
    found = store.get(KIND, credit_note)
    return lists.slice_of(found["lines"]["data"], form, url=f"/v1/credit_notes/{credit_note}/lines")


@register.get("/v1/credit_notes")
def list_all(form: Form) -> Json:
    """https://docs.stripe.com/api/credit_notes/list"""
    return lists.page(KIND, form, url="/v1/credit_notes", only=("customer", "invoice"))


@register.post("/v1/credit_notes/{id}/void")
def void(form: Form, id: str) -> Json:
    """https://docs.stripe.com/api/credit_notes/void"""
    found = store.get(KIND, id)
    clocks.enter(store.get("customer", found["customer"]))
    return credit_note_rules.void(found)


def _rehearsed(form: Form) -> Json:
    """The credit note as it would be; nothing is kept."""
    with store.rehearsal():
        invoice = store.named("invoice", form["invoice"], "invoice")
        clocks.enter(invoice)
        return dict(credit_note_rules.issue(invoice, form))
