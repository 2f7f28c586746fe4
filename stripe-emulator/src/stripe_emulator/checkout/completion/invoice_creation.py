"""The invoice that Checkout makes of a one-time payment, once the money is there: ``invoice_creation``.

It is paid from the start, by the session's own payment, and takes nothing from the customer's balance.
https://docs.stripe.com/payments/checkout/receipts
"""

from __future__ import annotations

from stripe_emulator.billing.invoices import automatic_tax, drafts, invoice_payments, invoices, lines
from stripe_emulator.billing.terms import items
from stripe_emulator.checkout.lines import session_discounts
from stripe_emulator.checkout.tax import taxes
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest, NotEmulated
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.events import events, objects

BLANK: Json = {
    "account_tax_ids": None,
    "custom_fields": None,
    "description": None,
    "footer": None,
    "issuer": None,
    "metadata": {},
    "rendering_options": None,
}


def shown(form: Form) -> Json | None:
    """A new session's ``invoice_creation``; a subscription's session has none.

    :raises InvalidRequest: Asked for where nothing is paid once.
    """
    wanted = form.get("invoice_creation") or {}
    if form["mode"] != "payment":
        if wanted.get("enabled"):
            raise InvalidRequest(
                "You can only enable invoice creation when `mode` is set to `payment`. Invoices are created"
                " automatically when `mode` is set to `subscription`, and are unsupported when set to"
                " `setup`. To learn more visit https://docs.stripe.com/payments/checkout/receipts.",
                param="invoice_creation",
            )
        return None
    given: Json = wanted.get("invoice_data") or {}
    data: Json = {key: None if value == "" else value for key, value in given.items()}
    if (data.get("issuer") or {}).get("type") == "account":
        raise NotEmulated(
            "invoices in another account's name", param="invoice_creation[invoice_data][issuer]"
        )
    if data.get("rendering_options"):
        data["rendering_options"] = {
            "amount_tax_display": None,
            "template": None,
            **data["rendering_options"],
        }
    metadata = objects.merged({}, data.get("metadata"))
    return {
        "enabled": bool(wanted.get("enabled")),
        "invoice_data": BLANK | data | {"metadata": metadata},
    }


def make(session: Json) -> None:
    """Issue the invoice of a paid session, under the id that the session already shows."""
    data = session["invoice_creation"]["invoice_data"]
    customer = store.get("customer", session["customer"])
    rendering: Json | None = data["rendering_options"]
    if rendering is not None:
        rendering = {"pdf": None, "template_version": None, **rendering}
    invoice = drafts.new(
        customer,
        session["currency"],
        "manual",
        [lines.of_invoiceitem(_item(session, customer, line)) for line in session["_lines"]],
        id=session["invoice"],
        account_tax_ids=data["account_tax_ids"],
        automatic_tax=automatic_tax.of_invoice(customer, enabled=taxes.is_automatic(session)),
        custom_fields=data["custom_fields"],
        description=data["description"],
        discounts=session_discounts.redeemed(session),
        footer=data["footer"],
        metadata=data["metadata"],
        rendering=rendering,
        _takes_balance=False,
    )
    events.emit("invoice.created", invoice)
    invoices.issue(invoice)
    events.emit("invoice.sent", invoice)
    if session["payment_intent"]:
        intent = store.get("payment_intent", session["payment_intent"])
        invoice_payments.add_payment(invoice, intent, is_default=True)
    invoices.paid(invoice, amount=session["amount_total"])


def _item(session: Json, customer: Json, line: Json) -> Json:
    """A line of the session as the invoice item that Stripe puts on the invoice, without an event."""
    price, rates = line["price"], line["_tax_rates"] or session["_tax_rates"]
    if taxes.is_automatic(session):
        rates = line["_tax_rates"]
    return lines.new_invoiceitem(
        customer,
        event=None,
        amount=line["amount_subtotal"],
        currency=line["currency"],
        description=line["description"],
        invoice=session["invoice"],
        metadata=line["metadata"],
        pricing=lines.pricing_of(price),
        quantity=line["quantity"],
        tax_rates=items.agreed_rates(rates),
    )


def wants_invoice(session: Json) -> bool:
    """Whether an invoice is made of the payment."""
    return bool((session["invoice_creation"] or {}).get("enabled"))
