"""What a quote becomes that is accepted: the form of a subscription, or the draft of an invoice."""

from __future__ import annotations

from stripe_emulator.billing.invoices import drafts, invoice_sums, invoiceitems, lines
from stripe_emulator.billing.terms import items
from stripe_emulator.catalog.discounts import redemption
from stripe_emulator.checkout.quotes import quote_drafts
from stripe_emulator.core import ids
from stripe_emulator.core.types import Json
from stripe_emulator.events import events, objects

#: Days in which an invoice that is sent is to be paid, where nobody said otherwise.
DAYS_UNTIL_DUE = 30


def subscription_form(quote: Json) -> Json:
    """The quote as a request for a subscription; what is paid once goes on its first invoice."""
    data = quote["subscription_data"]
    form: Json = {key: data[key] for key in ("billing_mode", "description", "metadata") if data[key]}
    if data["trial_period_days"]:
        form["trial_period_days"] = data["trial_period_days"]
    once = [line for line in quote["_lines"] if not line["price"]["recurring"]]
    form |= {
        "add_invoice_items": [_item(line) for line in once],
        "collection_method": quote["collection_method"],
        "default_tax_rates": items.agreed_rates(quote["default_tax_rates"] or []),
        "discounts": quote["_wanted"],
        "items": [_item(line) for line in quote_drafts.recurring_in(quote["_lines"])],
    }
    if quote["collection_method"] == "send_invoice":
        form["days_until_due"] = quote["invoice_settings"]["days_until_due"] or DAYS_UNTIL_DUE
    return form


def _item(line: Json) -> Json:
    counted = {} if line["quantity"] is None else {"quantity": line["quantity"]}
    rates = items.agreed_rates(line["_tax_rates"])
    return {"price": line["price"]["id"], items.AGREED: True, "tax_rates": rates, **counted}


def draft_invoice(quote: Json, customer: Json) -> Json:
    """The draft of what is paid once."""
    waiting = [
        invoiceitems.new(
            {
                "pricing": {"price": line["price"]["id"], items.AGREED: True},
                "quantity": line["quantity"],
                "tax_rates": items.agreed_rates(line["_tax_rates"]),
            },
            customer,
            None,
        )
        for line in quote["_lines"]
    ]
    settings = quote["invoice_settings"]
    invoice = drafts.new(
        customer,
        quote["currency"],
        "manual",
        [lines.of_invoiceitem(item) for item in waiting],
        collection_method=quote["collection_method"],
        description=settings["description"],
        id=ids.new("invoice"),
        parent={
            "quote_details": {"quote": quote["id"]},
            "subscription_details": None,
            "type": "quote_details",
        },
        _days_until_due=settings["days_until_due"],
    )
    redeemed = redemption.redeem_all(quote["_wanted"], customer, "discounts", invoice=invoice["id"])
    objects.change(
        invoice,
        default_tax_rates=items.agreed_rates(quote["default_tax_rates"] or []),
        discounts=redeemed,
    )
    invoice_sums.add_up(invoice)
    events.emit("invoice.created", invoice)
    return invoice
