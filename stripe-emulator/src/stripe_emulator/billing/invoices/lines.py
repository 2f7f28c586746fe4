"""Lines of an invoice: a subscription's periods, and items that waited for an invoice.

https://docs.stripe.com/api/invoices/line_item
"""

from __future__ import annotations

from typing import Any

from stripe_emulator import contract
from stripe_emulator.billing.metering import usage
from stripe_emulator.catalog import currency_options, pricing
from stripe_emulator.catalog.sums import amounts
from stripe_emulator.core import ids
from stripe_emulator.core.database import store
from stripe_emulator.core.time import clock
from stripe_emulator.core.types import Json
from stripe_emulator.events import objects


def product_name(price: Json) -> str:
    """The name that a line shows for a price."""
    return sold(price).name


def sold(price: Json) -> amounts.Sold:
    """How a line names the product of a price."""
    product = store.find("product", price["product"])
    if product is None or product.get("deleted"):
        return amounts.Sold(str(price["product"]))
    return amounts.Sold(str(product["name"]), product["unit_label"])


def of_period(subscription: Json, item: Json, *, trial: bool = False) -> Json:
    """What a subscription's item costs for its current period; nothing in a trial."""
    if usage.is_metered(item["price"]):
        start, end = item["current_period_start"], item["current_period_end"]
        return of_usage(subscription, item, start, end, 0, free=True)
    price, quantity = whole_price(item, subscription["currency"]), item["quantity"]
    named = sold(price)
    return _line(
        amount=0 if trial else pricing.total(price, quantity),
        currency=price["currency"],
        description=amounts.trial(named, quantity) if trial else amounts.regular(named, price, quantity),
        discountable=True,
        discounts=list(item["discounts"]),
        metadata=dict(item["metadata"]) or dict(subscription["metadata"]),
        period={"start": item["current_period_start"], "end": item["current_period_end"]},
        parent=_from_item(subscription["id"], item["id"]),
        pricing=pricing_of(price) | ({"unit_amount_decimal": "0"} if trial else {}),
        quantity=quantity,
        subscription=subscription["id"],
    )


def of_usage(
    subscription: Json, item: Json, start: int, end: int, quantity: int, *, free: bool = False
) -> Json:
    """What a customer used of a metered item. The first tier's flat amount is owed for no use, too."""
    price = whole_price(item, subscription["currency"])
    return _line(
        amount=0 if free else pricing.total(price, quantity),
        currency=price["currency"],
        description=amounts.regular(sold(price), price, quantity),
        discountable=True,
        discounts=list(item["discounts"]),
        metadata=dict(item["metadata"]) or dict(subscription["metadata"]),
        period={"start": start, "end": end},
        parent=_from_item(subscription["id"], item["id"]),
        pricing=pricing_of(price),
        quantity=quantity,
        subscription=subscription["id"],
    )


def of_invoiceitem(item: Json) -> Json:
    """The line that an invoice item becomes on its invoice."""
    details = (item["parent"] or {}).get("subscription_details") or {}
    proration = {"credited_items": _credited(item)} if item["proration"] else None
    if details.get("subscription_item"):
        parent = _from_item(details["subscription"], details["subscription_item"], item, proration)
    else:
        parent = {
            "invoice_item_details": {
                "invoice_item": item["id"],
                "proration": item["proration"],
                "proration_details": proration or {"credited_items": None},
                "subscription": details.get("subscription"),
            },
            "subscription_item_details": None,
            "type": "invoice_item_details",
        }
    return _line(
        amount=item["amount"],
        currency=item["currency"],
        description=item["description"],
        discountable=item["discountable"],
        discounts=list(item["discounts"] or []),
        metadata=dict(item["metadata"] or {}),
        period=dict(item["period"]),
        parent=parent,
        pricing=item["pricing"],
        quantity=item["quantity"],
        subscription=details.get("subscription"),
    )


def new_invoiceitem(customer: Json, *, event: str | None = "invoiceitem.created", **fields: Any) -> Json:
    """An invoice item that waits for the next invoice, unless it names one."""
    amount = fields["amount"]
    values: Json = {
        "date": clock.now(),
        "description": None,
        "discountable": True,
        "discounts": [],
        "net_amount": amount,
        "period": {"start": clock.now(), "end": clock.now()},
        "proration": False,
        "quantity": 1,
        "tax_rates": [],
        "test_clock": customer.get("test_clock"),
        **fields,
    }
    values["quantity_decimal"] = str(values["quantity"])
    return objects.create("invoiceitem", event=event, customer=customer["id"], _created=clock.now(), **values)


def pricing_of(price: Json) -> Json:
    """A price as a line's ``pricing``."""
    return {
        "type": "price_details",
        "price_details": {"price": price["id"], "product": price["product"]},
        "unit_amount_decimal": price["unit_amount_decimal"],
    }


def _line(**fields: object) -> Json:
    made = contract.blank("line_item")
    made |= {"id": ids.new("line_item"), "livemode": False, "discount_amounts": [], "taxes": []}
    made |= fields
    made |= {
        "subtotal": made["amount"],
        "pretax_credit_amounts": [],
        "quantity_decimal": None if made["quantity"] is None else str(made["quantity"]),
    }
    return made


def _from_item(
    subscription: str, item: str, source: Json | None = None, proration: Json | None = None
) -> Json:
    return {
        "invoice_item_details": None,
        "subscription_item_details": {
            "invoice_item": source and source["id"],
            "proration": proration is not None,
            "proration_details": proration or {"credited_items": None},
            "subscription": subscription,
            "subscription_item": item,
        },
        "type": "subscription_item_details",
    }


def _credited(item: Json) -> Json | None:
    credited = (item.get("proration_details") or {}).get("credited_items") or {}
    details: Json | None = credited.get("invoice_line_item_details")
    return details


def whole_price(item: Json, currency: str) -> Json:
    """The price of a subscription's item in a currency, with its tiers, of which the item shows none."""
    price = store.find("price", item["price"]["id"]) or item["price"]
    return currency_options.within(price, currency)
