"""An invoice before it is final: opened with its lines.

https://docs.stripe.com/invoicing/integration/workflow-transitions
"""

from __future__ import annotations

from typing import Any

from stripe_emulator.billing.invoices import automatic_tax, invoice_sums, lines
from stripe_emulator.catalog.discounts import discounts
from stripe_emulator.core import ids
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.time import clock
from stripe_emulator.core.types import Json, copied
from stripe_emulator.core.wire import Form
from stripe_emulator.events import objects
from stripe_emulator.payments.account import account
from stripe_emulator.payments.customers import tax_ids

#: Seconds until Stripe finalizes a draft by itself.
DRAFT_TIME = 3600

#: What every draft begins with.
BLANK: Json = {
    "amount_overpaid": 0,
    "amount_paid": 0,
    "amount_paid_off_stripe": 0,
    "amount_shipping": 0,
    "attempt_count": 0,
    "attempted": False,
    "auto_advance": False,
    "automatic_tax": automatic_tax.OFF,
    "collection_method": "charge_automatically",
    "default_tax_rates": [],
    "account_country": "US",
    "account_name": account.NAME,
    "issuer": {"type": "self"},
    "post_payment_credit_notes_amount": 0,
    "pre_payment_credit_notes_amount": 0,
    "starting_balance": 0,
    "status": "draft",
}


def new(
    customer: Json,
    currency: str,
    reason: str,
    draft_lines: list[Json],
    *,
    subscription: Json | None = None,
    **more: Any,
) -> Json:
    """A draft with these lines, added up, not yet announced.

    :param reason: Its ``billing_reason``.
    :param more: Fields of the invoice, such as ``collection_method`` or ``period_start``.
        ``_takes_balance=False`` leaves the customer's balance alone.
    """
    invoice_id: Any = more.pop("id", None) or ids.new("invoice")
    rates: Json = {}
    for line in draft_lines:
        line["invoice"] = invoice_id
        if own := _claim(line, invoice_id, subscription):
            rates[line["id"]] = own
    fields: Json = {
        **copied(BLANK),
        "billing_reason": reason,
        "currency": currency,
        "customer": customer["id"],
        "discounts": [discount["id"] for discount in discounts.effective(subscription, customer)],
        "lines": {
            "object": "list",
            "data": draft_lines,
            "has_more": False,
            "total_count": len(draft_lines),
            "url": f"/v1/invoices/{invoice_id}/lines",
        },
        "period_start": clock.now(),
        "period_end": clock.now(),
        "test_clock": customer.get("test_clock"),
        "webhooks_delivered_at": clock.now(),
        "_default_payment": None,
        "_line_rates": rates,
        **_of_customer(customer),
        **(_of_subscription(subscription, customer) if subscription else {}),
        **more,
    }
    metadata = fields.pop("metadata", None)
    invoice = objects.create("invoice", id=invoice_id, metadata=metadata, **fields)
    return invoice_sums.add_up(invoice)


def take_pending(customer: Json, currency: str, subscription: Json | None) -> list[Json]:
    """Lines of the invoice items that wait for an invoice of this subscription, oldest first.

    Items of no subscription go with any; those of another one wait for that one's.
    """
    mine = subscription and subscription["id"]
    waiting = store.select("invoiceitem", {"customer": customer["id"], "invoice": None})
    taken = [item for item in waiting if item["currency"] == currency and owner_of(item) in (None, mine)]
    return [lines.of_invoiceitem(item) for item in taken]


def source_item(line: Json) -> Json | None:
    """The invoice item that a line came from, if it did."""
    parent = line["parent"]
    details = parent["invoice_item_details"] or parent["subscription_item_details"]
    return store.find("invoiceitem", details["invoice_item"]) if details["invoice_item"] else None


def off_prorations(invoice: Json) -> list[Json]:
    """What discounts took off the invoice's prorations, whose own amounts are net of it."""
    details = [(source_item(line) or {}).get("proration_details") for line in invoice["lines"]["data"]]
    return [discount_amount for detail in details if detail for discount_amount in detail["discount_amounts"]]


def owner_of(item: Json) -> str | None:
    """The subscription that an invoice item belongs to."""
    details = (item["parent"] or {}).get("subscription_details") or {}
    subscription_id: str | None = details.get("subscription")
    return subscription_id


def subscription_of(invoice: Json) -> Json | None:
    """The subscription that an invoice bills."""
    details = (invoice["parent"] or {}).get("subscription_details") or {}
    return store.find("subscription", details["subscription"]) if details else None


def named_subscription(form: Form, customer: Json) -> Json | None:
    """The customer's subscription that a form names, if it names one.

    :raises InvalidRequest: It is another customer's.
    """
    if "subscription" not in form:
        return None
    subscription = store.named("subscription", form["subscription"], "subscription")
    must_be_of(customer, subscription, "subscription")
    return subscription


def must_be_of(customer: Json, thing: Json, param: str) -> None:
    """:raises InvalidRequest: What a form names by this parameter is another customer's."""
    if thing["customer"] != customer["id"]:
        raise InvalidRequest(
            f"The {param} {thing['id']} does not belong to the customer {customer['id']}.", param=param
        )


def _claim(line: Json, invoice_id: str, subscription: Json | None) -> list[str]:
    """Mark what a line came from as invoiced; return the tax rates that it brings along."""
    item = source_item(line)
    if item is not None:
        objects.change(item, invoice=invoice_id)
        return [rate["id"] for rate in item["tax_rates"] or []]
    details = line["parent"]["subscription_item_details"]
    held = subscription["items"]["data"] if subscription and details else []
    return [
        rate["id"]
        for item in held
        if item["id"] == details["subscription_item"]
        for rate in item["tax_rates"]
    ]


def _of_customer(customer: Json) -> Json:
    """What an invoice shows of its customer, as it was then, and what it takes over from their settings."""
    settings = customer.get("invoice_settings") or {}
    rendering = settings.get("rendering_options")
    return {
        "custom_fields": settings.get("custom_fields"),
        "footer": settings.get("footer"),
        "rendering": rendering and {"pdf": None, "template_version": None, **rendering},
        "customer_address": customer.get("address"),
        "customer_email": customer.get("email"),
        "customer_name": customer.get("name"),
        "customer_phone": customer.get("phone"),
        "customer_shipping": customer.get("shipping"),
        "customer_tax_exempt": customer.get("tax_exempt") or "none",
        "customer_tax_ids": tax_ids.shown_on_invoices(customer),
    }


def _of_subscription(subscription: Json, customer: Json) -> Json:
    """What an invoice takes over from the subscription that it bills."""
    is_automatic = (subscription["automatic_tax"] or {}).get("enabled", False)
    return {
        "automatic_tax": automatic_tax.of_invoice(customer, enabled=is_automatic),
        "collection_method": subscription["collection_method"],
        "default_tax_rates": list(subscription["default_tax_rates"] or []),
        "description": subscription["description"]
        if subscription["collection_method"] == "send_invoice"
        else None,
        "parent": {
            "quote_details": None,
            "subscription_details": {
                "metadata": dict(subscription["metadata"]),
                "subscription": subscription["id"],
            },
            "type": "subscription_details",
        },
    }
