"""Invoice items: what waits to be put on an invoice. https://docs.stripe.com/api/invoiceitems"""

from __future__ import annotations

import re

from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.billing.invoices import drafts, invoice_sums, lines
from stripe_emulator.billing.terms import currencies, items
from stripe_emulator.catalog import currency_options, prices, pricing
from stripe_emulator.catalog.discounts import redemption
from stripe_emulator.core import ids, money
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest, only_one_of
from stripe_emulator.core.time import clock
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.events import events, objects

register = Register()


@register.post("/v1/invoiceitems")
def create(form: Form) -> Json:
    """https://docs.stripe.com/api/invoiceitems/create"""
    customer = _customer(form)
    clock.live_with(customer)
    invoice = _draft(form["invoice"]) if "invoice" in form else None
    if invoice is not None:
        drafts.must_be_of(customer, invoice, "invoice")
    item = new(form, customer, invoice)
    if invoice is not None:
        line = lines.of_invoiceitem(item)
        line["invoice"] = invoice["id"]
        invoice["lines"]["data"].append(line)
        _tax_line(invoice, line, item)
        invoice_sums.add_up(invoice)
    return item


@register.get("/v1/invoiceitems/{invoiceitem}")
def retrieve(form: Form, invoiceitem_id: str) -> Json:
    """https://docs.stripe.com/api/invoiceitems/retrieve"""
    return store.get("invoiceitem", invoiceitem_id)


@register.post("/v1/invoiceitems/{invoiceitem}")
def update(form: Form, invoiceitem_id: str) -> Json:
    """https://docs.stripe.com/api/invoiceitems/update; only while its invoice is not final."""
    return change(store.get("invoiceitem", invoiceitem_id), form)


@register.delete("/v1/invoiceitems/{invoiceitem}")
def remove(form: Form, invoiceitem_id: str) -> Json:
    """https://docs.stripe.com/api/invoiceitems/delete; only while its invoice is not final."""
    item = store.get("invoiceitem", invoiceitem_id)
    if item["invoice"]:
        invoice = _draft(item["invoice"])
        data = invoice["lines"]["data"]
        data[:] = [line for line in data if drafts.source_item(line) is not item]
        invoice_sums.add_up(invoice)
    return objects.delete(item, "invoiceitem.deleted")


@register.get("/v1/invoiceitems")
def list_all(form: Form) -> Json:
    """https://docs.stripe.com/api/invoiceitems/list"""
    where: Json = {"invoice": None} if form.get("pending") else {}
    return lists.page("invoiceitem", form, url="/v1/invoiceitems", where=where, only=("customer", "invoice"))


def new(form: Form, customer: Json, invoice: Json | None) -> Json:
    """An invoice item from creation parameters, for this invoice or the next."""
    _check_period(form)
    currency: str = invoice["currency"] if invoice else customer["currency"] or "usd"
    fields = _worth(form, money.currency(form.get("currency") or currency))
    subscription = drafts.named_subscription(form, customer)
    if invoice and fields["currency"] != invoice["currency"]:
        raise InvalidRequest(
            f"The invoice item's currency, {fields['currency']}, is not the currency of the invoice,"
            f" {invoice['currency']}.",
            param="currency",
        )
    currencies.check(customer, fields["currency"])
    currencies.take(customer, fields["currency"])
    item_id = ids.new("invoiceitem")
    return lines.new_invoiceitem(
        customer,
        id=item_id,
        discountable=form.get("discountable", fields["amount"] >= 0),
        discounts=redemption.redeem_all(form.get("discounts"), customer, "discounts", invoice_item=item_id),
        invoice=invoice and invoice["id"],
        metadata=form.get("metadata"),
        parent=_parent(subscription),
        tax_rates=items.tax_rates(form.get("tax_rates"), "tax_rates"),
        **({"period": form["period"]} if "period" in form else {}),
        **fields | ({"description": form["description"]} if "description" in form else {}),
    )


def change(item: Json, form: Form) -> Json:
    """Give an invoice item what a form says, and its invoice the new line.

    :raises InvalidRequest: Its invoice is final, or the form says something that can't be.
    """
    invoice = _draft(item["invoice"]) if item["invoice"] else None
    _check_period(form)
    changes = objects.patch(item, form, ("description", "discountable", "period"))
    if form.keys() & {"amount", "quantity", "unit_amount_decimal", "price_data", "pricing"}:
        worked = (
            form
            if form.keys() & {"amount", "unit_amount_decimal", "price_data", "pricing"}
            else _same(item, form)
        )
        changes |= _worth(worked, item["currency"])
    if "tax_rates" in form:
        changes["tax_rates"] = items.tax_rates(form["tax_rates"], "tax_rates", item["tax_rates"])
    if "discounts" in form:
        customer = store.get("customer", item["customer"])
        changes["discounts"] = redemption.redeem_all(
            form["discounts"], customer, "discounts", invoice_item=item["id"]
        )
    objects.change(item, **changes)
    if invoice is not None:
        _replace_line(invoice, item)
    return item


def _parent(subscription: Json | None) -> Json | None:
    if subscription is None:
        return None
    details = {"subscription": subscription["id"], "subscription_item": None}
    return {"subscription_details": details, "type": "subscription_details"}


def _worth(form: Form, currency: str) -> Json:
    """Amount, quantity and what they come from: a sum, a price, or a unit's amount."""
    quantity = form.get("quantity", 1)
    if quantity < 0:
        raise InvalidRequest(
            "Invalid non-negative integer", code="parameter_invalid_integer", param="quantity"
        )
    if "amount" in form and "quantity" in form:
        raise only_one_of("amount", "quantity", param="quantity")
    if "amount" in form:
        return {
            "amount": form["amount"],
            "currency": currency,
            "quantity": 1,
            "pricing": lines.pricing_of(prices.for_once(currency, str(form["amount"]))),
        }
    price = _price(form, currency)
    if price is None:
        raise InvalidRequest(
            "You must specify one of amount, pricing, price_data or unit_amount_decimal.",
            code="parameter_missing",
            param="amount",
        )
    price = currency_options.within(price, currency)
    return {
        "amount": pricing.total(price, quantity),
        "currency": price["currency"],
        "description": None if price.get("_for_once") else lines.product_name(price),
        "pricing": lines.pricing_of(price),
        "quantity": quantity,
    }


def _price(form: Form, currency: str) -> Json | None:
    if "price_data" in form:
        return items.price_paid_once(form, "price", "price_data")
    if (form.get("pricing") or {}).get("price"):
        return items.price_paid_once(form["pricing"], "pricing[price]", "price_data")
    if "unit_amount_decimal" not in form:
        return None
    exact = str(form["unit_amount_decimal"])
    if not re.fullmatch(r"-?\d{1,15}(\.\d{1,12})?", exact):
        raise InvalidRequest("Invalid decimal", param="unit_amount_decimal")
    return prices.for_once(currency, exact)


def _check_period(form: Form) -> None:
    period = form.get("period")
    if period and period["end"] < period["start"]:
        raise InvalidRequest(
            "The end of the period must be greater than or equal to its start.", param="period[end]"
        )


def _same(item: Json, form: Form) -> Form:
    """A new quantity of what the item already is."""
    return {**form, "pricing": {"price": item["pricing"]["price_details"]["price"], items.AGREED: True}}


def _customer(form: Form) -> Json:
    if "customer" not in form and "invoice" in form:
        return store.get("customer", store.named("invoice", form["invoice"], "invoice")["customer"])
    if "customer" not in form:
        raise InvalidRequest("Missing required param: customer.", code="parameter_missing", param="customer")
    return store.named("customer", form["customer"], "customer")


def _draft(invoice_id: str) -> Json:
    invoice = store.named("invoice", invoice_id, "invoice")
    if invoice["status"] != "draft":
        raise InvalidRequest(
            f"The invoice {invoice_id} is not a draft: its items can no longer be modified.",
            code="invoice_not_editable",
            param="invoice",
        )
    return invoice


def _tax_line(invoice: Json, line: Json, item: Json) -> None:
    """Have a line taxed by its item's own rates; without any, the invoice's hold."""
    rates: Json = {name: own for name, own in invoice["_line_rates"].items() if name != line["id"]}
    if item["tax_rates"]:
        rates[line["id"]] = [rate["id"] for rate in item["tax_rates"]]
    objects.change(invoice, _line_rates=rates)


def _replace_line(invoice: Json, item: Json) -> None:
    data = invoice["lines"]["data"]
    for place, line in enumerate(data):
        if drafts.source_item(line) is item:
            data[place] = lines.of_invoiceitem(item) | {"id": line["id"], "invoice": invoice["id"]}
            _tax_line(invoice, line, item)
    invoice_sums.add_up(invoice)
    events.emit("invoice.updated", invoice)
