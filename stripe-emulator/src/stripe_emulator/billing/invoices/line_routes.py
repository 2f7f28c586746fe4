"""Lines of a draft, several at once. https://docs.stripe.com/api/invoice-line-item/bulk

Each line that is added is an invoice item, as if it had been made by itself.
"""

from __future__ import annotations

from stripe_emulator.api.register import Register
from stripe_emulator.billing.invoices import drafts, invoice_sums, invoiceitems, lines
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest, NotEmulated
from stripe_emulator.core.time import clock
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.events import events, objects

register = Register()

#: Parameters of a line that promise more than is done here.
NOT_YET = ("quantity_decimal", "tax_amounts")

#: What may be changed of a line that a subscription's period made.
_OF_A_PERIOD = {"id", "expand", "description", "metadata"}


@register.post("/v1/invoices/{invoice}/add_lines")
def add(form: Form, invoice_id: str) -> Json:
    """https://docs.stripe.com/api/invoice-line-item/bulk_add"""
    invoice = _draft(invoice_id)
    customer = store.named("customer", invoice["customer"], "customer")
    for number, wanted in enumerate(form["lines"]):
        param = f"lines[{number}]"
        _refuse_what_is_missing(wanted, param)
        if "invoice_item" in wanted:
            item = _pending(wanted["invoice_item"], invoice, f"{param}[invoice_item]")
            objects.change(item, invoice=invoice["id"])
        else:
            item = invoiceitems.new(wanted, customer, invoice)
        line = lines.of_invoiceitem(item) | {"invoice": invoice["id"]}
        if item["tax_rates"]:
            invoice["_line_rates"][line["id"]] = [rate["id"] for rate in item["tax_rates"]]
        invoice["lines"]["data"].append(line)
    return _changed(invoice, form)


@register.post("/v1/invoices/{invoice}/update_lines")
def update(form: Form, invoice_id: str) -> Json:
    """https://docs.stripe.com/api/invoice-line-item/bulk_update"""
    invoice = _draft(invoice_id)
    for number, wanted in enumerate(form["lines"]):
        _update(invoice, _line(invoice, wanted["id"], f"lines[{number}][id]"), wanted, f"lines[{number}]")
    return _changed(invoice, form)


@register.post("/v1/invoices/{invoice}/lines/{line_item_id}")
def update_one(form: Form, invoice_id: str, line_id: str) -> Json:
    """https://docs.stripe.com/api/invoice-line-item/update"""
    invoice = _draft(invoice_id)
    _update(invoice, _line(invoice, line_id, "line_item_id"), form, "")
    _changed(invoice, {})
    return _line(invoice, line_id, "line_item_id")


@register.post("/v1/invoices/{invoice}/remove_lines")
def remove(form: Form, invoice_id: str) -> Json:
    """https://docs.stripe.com/api/invoice-line-item/bulk_remove: delete the item, or let it wait again."""
    invoice = _draft(invoice_id)
    for number, wanted in enumerate(form["lines"]):
        line = _line(invoice, wanted["id"], f"lines[{number}][id]")
        item = drafts.source_item(line)
        if item is None:
            raise InvalidRequest(
                f"The line {line['id']} is of a subscription's period and can't be removed.",
                param=f"lines[{number}][id]",
            )
        invoice["lines"]["data"].remove(line)
        if wanted["behavior"] == "delete":
            objects.delete(item, "invoiceitem.deleted")
        else:
            objects.change(item, invoice=None)
    return _changed(invoice, form)


def _draft(invoice_id: str) -> Json:
    invoice = store.get("invoice", invoice_id, param="invoice")
    clock.live_with(invoice)
    if invoice["status"] != "draft":
        raise InvalidRequest(
            f"The invoice {invoice_id} is not a draft: its lines can no longer be modified.",
            code="invoice_not_editable",
            param="invoice",
        )
    return invoice


def _line(invoice: Json, line_id: str, param: str) -> Json:
    data: list[Json] = invoice["lines"]["data"]
    line = next((line for line in data if line["id"] == line_id), None)
    if line is None:
        raise InvalidRequest(f"No such line item: '{line_id}'", code="resource_missing", param=param)
    return line


def _pending(item_id: str, invoice: Json, param: str) -> Json:
    item = store.named("invoiceitem", item_id, param)
    fits = item["customer"] == invoice["customer"] and item["currency"] == invoice["currency"]
    if item["invoice"] is not None or not fits:
        raise InvalidRequest(
            f"The invoice item {item_id} is on an invoice already."
            if fits
            else f"The invoice item {item_id} is of another customer or currency.",
            param=param,
        )
    return item


def _update(invoice: Json, line: Json, wanted: Json, param: str) -> None:
    _refuse_what_is_missing(wanted, param)
    item = drafts.source_item(line)
    if item is not None:
        invoiceitems.change(item, wanted)
        return
    if other := sorted(wanted.keys() - _OF_A_PERIOD):
        raise NotEmulated(f"changing {other[0]} of a line of a subscription's period", param=other[0])
    line |= objects.patch(line, wanted, ("description",))


def _changed(invoice: Json, form: Form) -> Json:
    if form.get("invoice_metadata") is not None:
        objects.change(invoice, metadata=objects.merged(invoice["metadata"], form["invoice_metadata"]))
    invoice_sums.add_up(invoice)
    events.emit("invoice.updated", invoice, previous={})
    return invoice


def _refuse_what_is_missing(form: Json, param: str) -> None:
    for name in NOT_YET:
        if form.get(name):
            raise NotEmulated(f"invoice lines with {name}", param=f"{param}[{name}]" if param else name)
