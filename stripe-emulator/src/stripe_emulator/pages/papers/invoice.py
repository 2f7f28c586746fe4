"""The hosted invoice, also as a PDF: for whoever has the link."""

from __future__ import annotations

from flask import Blueprint, Response, redirect, render_template, request
from flask.typing import ResponseReturnValue

from stripe_emulator.billing.invoices import collection, invoice_payments
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import NotFound, StripeError, no_such
from stripe_emulator.core.time import clock
from stripe_emulator.core.types import Json
from stripe_emulator.pages.common import card_form, problem
from stripe_emulator.pages.common.account import storage
from stripe_emulator.pages.common.card_form import Refusal
from stripe_emulator.pages.papers import invoice_pdf
from stripe_emulator.payments.confirming import challenges

pages = Blueprint("invoice", __name__)
pages.register_error_handler(StripeError, problem.page)


@pages.get("/invoice/<invoice_id>")
def show(invoice_id: str) -> ResponseReturnValue:
    """What is owed, or was paid, with a form to pay it; after a bank's no, why."""
    with storage().transaction(write=False):
        invoice = _invoice(invoice_id)
        intent = invoice_payments.intent_of(invoice) or {}
        error = intent.get("last_payment_error") if "redirect_status" in request.args else None
        return _page(invoice, Refusal({"card_number": error["message"]}) if error else None)


@pages.post("/invoice/<invoice_id>")
def pay(invoice_id: str) -> ResponseReturnValue:
    """Pay with a saved card or a typed one."""
    with storage().transaction():
        invoice = _invoice(invoice_id)
        if invoice["status"] != "open":
            return _page(invoice)
        clock.live_with(invoice)
        saved = {method["id"]: method for method in _saved(invoice)}
        try:
            method = saved.get(request.form.get("saved_card", "")) or card_form.read(request.form)
        except Refusal as refusal:
            return _page(invoice, refusal, 422)
        refused = collection.attempt(invoice, method, return_url=invoice["hosted_invoice_url"])
        if refused is not None:
            return _page(invoice, Refusal({card_form.chosen(request.form): refused.message}), 402)
        intent = invoice_payments.intent_of(invoice) or {}
        asks = intent.get("status") == "requires_action"
        return redirect(challenges.url(intent) if asks else f"/invoice/{invoice_id}", 303)


@pages.get("/invoice/<invoice_id>/pdf")
def pdf(invoice_id: str) -> ResponseReturnValue:
    """The invoice to print and to file."""
    with storage().transaction(write=False):
        invoice = _invoice(invoice_id)
        response = Response(invoice_pdf.pdf_of(invoice), mimetype="application/pdf")
    name = f"Invoice-{invoice['number'] or invoice['id']}.pdf"
    response.headers["Content-Disposition"] = f'inline; filename="{name}"'
    return response


def _invoice(invoice_id: str) -> Json:
    """The invoice; a draft has no page yet and is not found, as at Stripe."""
    invoice = store.get("invoice", invoice_id)
    if invoice["status"] == "draft":
        raise NotFound(no_such("invoice", invoice_id), code="resource_missing", param="invoice")
    return invoice


def _saved(invoice: Json) -> list[Json]:
    return store.select("payment_method", {"customer": invoice["customer"]})[::-1]


def _declined(invoice: Json) -> str | None:
    """The card whose bank declined the last try; one that asks its customer may pay yet."""
    error = (invoice_payments.intent_of(invoice) or {}).get("last_payment_error") or {}
    method = error.get("payment_method") if error.get("code") != "authentication_required" else None
    return method["id"] if method else None


def _page(invoice: Json, refusal: Refusal | None = None, status: int = 200) -> ResponseReturnValue:
    page = render_template(
        "hosted/invoice.html",
        invoice=invoice,
        lines=invoice["lines"]["data"],
        saved=_saved(invoice),
        declined=_declined(invoice),
        refusal=refusal,
        typed={} if refusal is None else request.form,
    )
    return page, status
