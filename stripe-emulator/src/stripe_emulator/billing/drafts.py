"""An invoice before it is final: opened with its lines, and added up.

https://docs.stripe.com/invoicing/integration/workflow-transitions
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from stripe_emulator.billing import automatic_tax, lines
from stripe_emulator.catalog import discounts, totals
from stripe_emulator.core import clock, ids, money, store
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.types import Json, copied
from stripe_emulator.core.wire import Form
from stripe_emulator.events import objects
from stripe_emulator.payments import account, tax_ids

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
    return add_up(invoice)


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


def add_up(invoice: Json) -> Json:
    """Work out every sum of a draft from its lines, discounts, taxes and the customer's balance."""
    data = invoice["lines"]["data"]
    invoice["lines"]["total_count"] = len(data)
    totals_by_discount = _take_discounts(invoice, data)
    credited = _take_credits(invoice, data)
    taxes = _put_taxes(invoice, data)
    of_lines = sum(_off_by_itself(line) for line in data)
    subtotal = sum(line["amount"] for line in data) - of_lines
    off = sum(totals_by_discount.values()) - of_lines
    added = sum(tax["amount"] for tax in taxes if tax["tax_behavior"] == "exclusive")
    contained = sum(tax["amount"] for tax in taxes if tax["tax_behavior"] == "inclusive")
    total = subtotal - off - sum(row["amount"] for row in credited) + added
    customer = store.find("customer", invoice["customer"]) if invoice["customer"] else None
    balance = _balance(customer, invoice["currency"])
    applied = balance if invoice.get("_takes_balance", True) else 0
    left = totals.after_balance(total, applied, minimum=minimum(invoice["currency"]))
    return objects.change(
        invoice,
        amount_due=left.amount_due,
        amount_remaining=left.amount_due,
        starting_balance=balance,
        subtotal=subtotal,
        subtotal_excluding_tax=subtotal - contained,
        total=total,
        total_discount_amounts=[
            {"amount": amount, "discount": discount_id} for discount_id, amount in totals_by_discount.items()
        ],
        total_excluding_tax=total - added - contained,
        total_pretax_credit_amounts=[
            {"amount": amount, "discount": discount_id, "type": "discount"}
            for discount_id, amount in totals_by_discount.items()
        ]
        + credited,
        total_taxes=taxes,
    )


def _off_by_itself(line: Json) -> int:
    """What the line's own discounts take off it, which the subtotal is net of."""
    return sum(off["amount"] for off in line["discount_amounts"] if off["discount"] in line["discounts"])


def minimum(currency: str) -> int:
    """The minimum of a charge; what is below waits on the customer's balance."""
    return money.MINIMUM.get(currency, money.DEFAULT_MINIMUM)


def _balance(customer: Json | None, currency: str) -> int:
    """The customer's balance, which counts in the customer's own currency only."""
    if customer is None or customer.get("deleted") or customer["currency"] not in (None, currency):
        return 0
    balance: int = customer["balance"]
    return balance


def _take_discounts(invoice: Json, data: list[Json]) -> dict[str, int]:
    """Spread each discount over the lines that it covers; those of a line come before the invoice's."""
    for line in data:
        line["discount_amounts"] = []
        line["pretax_credit_amounts"] = []
    by_discount: dict[str, int] = {}
    of_lines = [(discount_id, [line]) for line in data for discount_id in line["discounts"]]
    for discount_id, covered in [*of_lines, *((discount_id, data) for discount_id in invoice["discounts"])]:
        coupon = discounts.coupon_of(store.get("discount", discount_id))
        cut = discounts.cut(coupon, invoice["currency"])
        if cut is None:
            continue
        takes = [
            line for line in covered if line["discountable"] and discounts.covers(coupon, _product(line))
        ]
        parts = totals.discounted([after_discounts(line) for line in takes], cut)
        for line, part in zip(takes, parts, strict=True):
            line["discount_amounts"].append({"amount": part, "discount": discount_id})
            line["pretax_credit_amounts"].append(
                {"amount": part, "discount": discount_id, "type": "discount"}
            )
        by_discount[discount_id] = by_discount.get(discount_id, 0) + sum(parts)
    return by_discount


def _take_credits(invoice: Json, data: list[Json]) -> list[Json]:
    """Put on its line what billing credits pay of it, once the invoice is final; return the rows."""
    credits_by_line = invoice.get("_credits") or {}
    for line in data:
        line["pretax_credit_amounts"] += credits_by_line.get(line["id"], [])
    return [row for rows in credits_by_line.values() for row in rows]


def _put_taxes(invoice: Json, data: list[Json]) -> list[Json]:
    """Tax each line by its own rates or the invoice's; return the sums by rate."""
    defaults, reason = [rate["id"] for rate in invoice["default_tax_rates"]], "standard_rated"
    if invoice["automatic_tax"]["enabled"]:
        customer = store.find("customer", invoice["customer"])
        defaults = [rate["id"] for rate in automatic_tax.rates(customer)]
        reason = "reverse_charge" if automatic_tax.is_reversed(customer) else reason
    if invoice["customer_tax_exempt"] in ("exempt", "reverse"):
        reason = "customer_exempt"
    exempt = reason != "standard_rated"
    summed: dict[str, Json] = {}
    for line in data:
        rates = [
            store.get("tax_rate", rate_id) for rate_id in invoice["_line_rates"].get(line["id"], defaults)
        ]
        taxable = line["amount"] - sum(row["amount"] for row in line["pretax_credit_amounts"])
        amounts = totals.tax(
            taxable,
            [totals.Rate(Decimal(str(rate["percentage"])), rate["inclusive"]) for rate in rates],
            money.coin(invoice["currency"]),
        )
        line["taxes"] = []
        for rate, amount in zip(rates, amounts, strict=True):
            tax = {
                "amount": 0 if exempt else amount,
                "tax_behavior": "inclusive" if rate["inclusive"] else "exclusive",
                "tax_rate_details": {"tax_rate": rate["id"]},
                "taxability_reason": reason,
                "taxable_amount": taxable - (amount if rate["inclusive"] and not exempt else 0),
                "type": "tax_rate_details",
            }
            line["taxes"].append(tax)
            before = summed.setdefault(rate["id"], {**tax, "amount": 0, "taxable_amount": 0})
            before["amount"] += tax["amount"]
            before["taxable_amount"] += tax["taxable_amount"]
    return list(summed.values())


def after_discounts(line: Json) -> int:
    """A line's amount less what coupons take off it."""
    amount: int = line["amount"] - sum(
        discount_amount["amount"] for discount_amount in line["discount_amounts"]
    )
    return amount


def _product(line: Json) -> str | None:
    details = (line["pricing"] or {}).get("price_details") or {}
    product_id: str | None = details.get("product")
    return product_id


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
