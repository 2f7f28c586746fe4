"""What a draft of an invoice sums up to: lines, less discounts and credits, with taxes and the balance."""

from __future__ import annotations

from decimal import Decimal

from stripe_emulator.billing.invoices import automatic_tax
from stripe_emulator.catalog.discounts import discounts
from stripe_emulator.catalog.sums import totals
from stripe_emulator.core import money
from stripe_emulator.core.database import store
from stripe_emulator.core.types import Json
from stripe_emulator.events import objects


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
