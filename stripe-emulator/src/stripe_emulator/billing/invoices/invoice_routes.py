"""Invoices: what is owed, and whether it was paid. https://docs.stripe.com/api/invoices"""

from __future__ import annotations

from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.billing.invoices import (
    automatic_tax,
    collection,
    drafts,
    invoice_payments,
    invoice_sums,
    invoices,
)
from stripe_emulator.billing.terms import items, terms
from stripe_emulator.catalog.discounts import redemption
from stripe_emulator.core import descriptors, money
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest, NotEmulated, only_one_of
from stripe_emulator.core.time import clock, due_work
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.events import events, objects
from stripe_emulator.payments.methods import payment_methods

register = Register()

#: Parameters that are kept as they come; "" empties them.
KEPT = (
    "account_tax_ids",
    "auto_advance",
    "collection_method",
    "custom_fields",
    "default_payment_method",
    "default_source",
    "description",
    "due_date",
    "effective_at",
    "footer",
    "number",
    "on_behalf_of",
    "rendering",
    "statement_descriptor",
)

#: Parameters that promise more than is done here.
NOT_YET = ("application_fee_amount", "from_invoice", "shipping_cost", "transfer_data")

#: What may still be changed once an invoice is final.
FINAL_KEEPS = {
    "auto_advance",
    "default_payment_method",
    "default_source",
    "expand",
    "metadata",
    "payment_settings",
}


@register.post("/v1/invoices")
def create(form: Form) -> Json:
    """https://docs.stripe.com/api/invoices/create"""
    if "customer" not in form:
        raise InvalidRequest("Missing required param: customer.", code="parameter_missing", param="customer")
    customer = store.named("customer", form["customer"], "customer")
    clock.live_with(customer)
    _check_due(form)
    subscription = drafts.named_subscription(form, customer)
    currency = money.currency(form.get("currency") or customer["currency"] or "usd")
    includes = form.get("pending_invoice_items_behavior", "include" if subscription else "exclude")
    waiting = drafts.take_pending(customer, currency, subscription) if includes == "include" else []
    invoice = drafts.new(
        customer, currency, "manual", waiting, subscription=subscription, rendering=_rendering(customer)
    )
    _change(invoice, form, customer)
    if invoice["collection_method"] == "send_invoice" and not invoice["due_date"]:
        if "days_until_due" not in form:
            raise InvalidRequest(
                "If invoice collection method is 'send_invoice', you must specify 'due_date' or"
                " 'days_until_due'.",
                code="parameter_missing",
                param="days_until_due",
            )
        objects.change(invoice, due_date=clock.now() + form["days_until_due"] * clock.DAY)
    moment = form.get("automatically_finalizes_at")
    if form.get("auto_advance") or moment:
        collection.advance_later(invoice, moment)
    events.emit("invoice.created", invoice)
    return invoice


@register.get("/v1/invoices/search")
def search(form: Form) -> Json:
    """https://docs.stripe.com/api/invoices/search"""
    return lists.search("invoice", form, url="/v1/invoices/search")


@register.get("/v1/invoices/{invoice}")
def retrieve(form: Form, invoice_id: str) -> Json:
    """https://docs.stripe.com/api/invoices/retrieve"""
    return store.get("invoice", invoice_id, param="invoice")


@register.post("/v1/invoices/{invoice}")
def update(form: Form, invoice_id: str) -> Json:
    """https://docs.stripe.com/api/invoices/update"""
    invoice = _invoice(invoice_id)
    if invoice["status"] != "draft" and (other := sorted(form.keys() - FINAL_KEEPS)):
        raise InvalidRequest(
            f"Finalized invoices can't be updated in this way: {other[0]}.",
            code="invoice_not_editable",
            param=other[0],
        )
    before = {key: invoice[key] for key in (*KEPT, "metadata")}
    _change(invoice, form, store.get("customer", invoice["customer"]))
    moment = form.get("automatically_finalizes_at")
    if (form.get("auto_advance") or moment) and invoice["status"] == "draft":
        collection.advance_later(invoice, moment)
    changed = {key: value for key, value in before.items() if invoice[key] != value}
    if form:
        events.emit("invoice.updated", invoice, previous=changed)
    return invoice


@register.delete("/v1/invoices/{invoice}")
def remove(form: Form, invoice_id: str) -> Json:
    """https://docs.stripe.com/api/invoices/delete; only a draft, and its items wait again."""
    invoice = _invoice(invoice_id, "invoice")
    if invoice["status"] != "draft" or invoice["parent"] is not None:
        raise InvalidRequest(
            "You can only delete draft invoices that no subscription made.", code="invoice_not_editable"
        )
    for line in invoice["lines"]["data"]:
        item = drafts.source_item(line)
        if item is not None:
            objects.delete(item, "invoiceitem.deleted")
    return objects.delete(invoice, "invoice.deleted")


@register.get("/v1/invoices")
def list_all(form: Form) -> Json:
    """https://docs.stripe.com/api/invoices/list"""
    only = ("collection_method", "customer", "due_date", "status", "subscription")
    return lists.page("invoice", form, url="/v1/invoices", only=only)


@register.get("/v1/invoices/{invoice}/lines")
def list_lines(form: Form, invoice_id: str) -> Json:
    """https://docs.stripe.com/api/invoice-line-item/retrieve"""
    invoice = store.get("invoice", invoice_id, param="invoice")
    return lists.slice_of(invoice["lines"]["data"], form, url=f"/v1/invoices/{invoice_id}/lines")


@register.post("/v1/invoices/{invoice}/finalize")
def finalize(form: Form, invoice_id: str) -> Json:
    """https://docs.stripe.com/api/invoices/finalize"""
    invoice = _invoice(invoice_id)
    if "auto_advance" in form:
        objects.change(invoice, auto_advance=form["auto_advance"])
    _finalize(invoice)
    if (
        invoice["status"] == "open"
        and invoice["auto_advance"]
        and invoice["collection_method"] == "charge_automatically"
    ):
        due_work.schedule(clock.now() + drafts.DRAFT_TIME, "invoice.retry", invoice["id"])
    return invoice


@register.post("/v1/invoices/{invoice}/pay")
def pay(form: Form, invoice_id: str) -> Json:
    """https://docs.stripe.com/api/invoices/pay"""
    invoice = _invoice(invoice_id)
    if invoice["status"] == "draft":
        _finalize(invoice)
        if invoice["status"] == "paid":
            return invoice
    invoices.move(invoice, "pay")
    if form.get("paid_out_of_band"):
        return invoices.paid(invoice, out_of_band=True)
    method = None
    if "payment_method" in form:
        method = payment_methods.named(form["payment_method"], "payment_method")
        if method["customer"] is not None:
            drafts.must_be_of(store.get("customer", invoice["customer"]), method, "payment_method")
    elif collection.method_for(invoice) is None:
        collection.require_method(store.get("customer", invoice["customer"]), drafts.subscription_of(invoice))
    error = collection.attempt(invoice, method, off_session=form.get("off_session", True))
    if error is not None:
        raise error
    if invoice["status"] != "paid":
        raise collection.action_required(invoice)
    return invoice


@register.post("/v1/invoices/{invoice}/send")
def send(form: Form, invoice_id: str) -> Json:
    """https://docs.stripe.com/api/invoices/send; in test mode only the event is sent."""
    invoice = _invoice(invoice_id, "invoice")
    if invoice["collection_method"] != "send_invoice":
        raise InvalidRequest(
            "You can only manually send an invoice if its collection method is 'send_invoice'.",
            code="invoice_not_editable",
        )
    if invoice["status"] == "draft":
        invoices.finalize(invoice)
    events.emit("invoice.sent", invoice)
    return invoice


@register.post("/v1/invoices/{invoice}/void")
def void(form: Form, invoice_id: str) -> Json:
    """https://docs.stripe.com/api/invoices/void"""
    return invoices.void(_invoice(invoice_id))


@register.post("/v1/invoices/{invoice}/mark_uncollectible")
def mark_uncollectible(form: Form, invoice_id: str) -> Json:
    """https://docs.stripe.com/api/invoices/mark_uncollectible"""
    return invoices.mark_uncollectible(_invoice(invoice_id))


@register.post("/v1/invoices/{invoice}/attach_payment")
def attach_payment(form: Form, invoice_id: str) -> Json:
    """https://docs.stripe.com/api/invoices/attach_payment"""
    invoice = _invoice(invoice_id)
    if invoice["status"] != "open" or "payment_intent" not in form:
        raise InvalidRequest(
            "A payment intent can be attached to an open invoice only.", param="payment_intent"
        )
    intent = store.named("payment_intent", form["payment_intent"], "payment_intent")
    if intent["customer"] is not None:
        drafts.must_be_of(store.get("customer", invoice["customer"]), intent, "payment_intent")
    if intent["amount"] > invoice["amount_remaining"]:
        raise NotEmulated("paying more than an invoice asks for", param="payment_intent")
    invoice_payments.add_payment(invoice, intent, is_default=False)
    if intent["status"] == "succeeded":
        invoices.receive(invoice, intent)
    return invoice


@register.includable("invoice", "payments")
def payments(invoice: Json) -> Json:
    """The invoice's payments, shown when asked for."""
    return lists.list_of(invoice_payments.payments_of(invoice), url="/v1/invoices/payments")


@register.includable("invoice", "confirmation_secret")
def confirmation_secret(invoice: Json) -> Json | None:
    """What a browser needs to confirm the payment; it stays when that is done."""
    intent = invoice_payments.intent_of(invoice)
    return intent and {"client_secret": intent["client_secret"], "type": "payment_intent"}


def _finalize(invoice: Json) -> None:
    """:raises InvalidRequest: Its tax depends on where its customer is, and nobody knows that."""
    if invoice["automatic_tax"]["enabled"] and invoice["status"] == "draft":
        automatic_tax.require_location(store.get("customer", invoice["customer"]))
    invoices.finalize(invoice)


def _check_due(form: Form) -> None:
    """:raises InvalidRequest: Two days are named by which it is due, or one of an invoice that is charged."""
    named = [name for name in ("days_until_due", "due_date") if form.get(name) is not None]
    if len(named) > 1:
        raise only_one_of("days_until_due", "due_date", param="due_date")
    if named and form.get("collection_method") != "send_invoice":
        raise InvalidRequest(
            f"You can only specify `{named[0]}` if `collection_method` is `send_invoice`.", param=named[0]
        )


def _rendering(customer: Json) -> Json:
    """How an invoice that somebody makes is printed, where the customer's settings say nothing."""
    settings = (customer.get("invoice_settings") or {}).get("rendering_options") or {}
    blank = {"amount_tax_display": None, "pdf": {"page_size": "auto"}, "template": None}
    return blank | settings | {"template_version": None}


def _invoice(invoice_id: str, param: str = "id") -> Json:
    """The invoice that the URL names, on its own clock.

    :param param: What Stripe calls it where there is none: ``id`` on most of its routes.
    """
    invoice = store.get("invoice", invoice_id, param=param)
    clock.live_with(invoice)
    return invoice


def _check(form: Form, customer: Json) -> None:
    """:raises InvalidRequest: Another's card, or what can't stand on a statement."""
    for name in NOT_YET:
        if form.get(name):
            raise NotEmulated(f"invoices with {name}", param=name)
    if (form.get("issuer") or {}).get("type") == "account":
        raise NotEmulated("invoices in another account's name", param="issuer")
    descriptors.check(form.get("statement_descriptor"), "statement_descriptor")
    terms.check_means(form, customer)


def _change(invoice: Json, form: Form, customer: Json) -> None:
    _check(form, customer)
    fields = objects.patch(invoice, form, KEPT)
    if "automatic_tax" in form:
        fields["automatic_tax"] = automatic_tax.of_invoice(customer, enabled=automatic_tax.is_wanted(form))
    if "default_tax_rates" in form:
        held = invoice["default_tax_rates"]
        fields["default_tax_rates"] = items.tax_rates(form["default_tax_rates"], "default_tax_rates", held)
    if "discounts" in form:
        fields["discounts"] = redemption.redeem_all(
            form["discounts"], customer, "discounts", invoice=invoice["id"]
        )
    if form.get("payment_settings"):
        fields["payment_settings"] = invoice["payment_settings"] | form["payment_settings"]
    if "days_until_due" in form:
        fields["due_date"] = clock.now() + form["days_until_due"] * clock.DAY
    objects.change(invoice, **fields)
    if invoice["status"] == "draft":
        invoice_sums.add_up(invoice)
