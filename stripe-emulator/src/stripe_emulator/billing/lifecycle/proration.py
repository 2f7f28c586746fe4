"""What a change in the middle of a period costs: credit for the old, a share of the new.

In flexible billing a credit is the share of what was really debited, one for each debit.
https://docs.stripe.com/billing/subscriptions/prorations
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from stripe_emulator.billing.invoices import drafts, lines
from stripe_emulator.billing.metering import usage
from stripe_emulator.catalog import pricing
from stripe_emulator.catalog.discounts import discounts
from stripe_emulator.catalog.sums import amounts, totals
from stripe_emulator.core import money
from stripe_emulator.core.database import store
from stripe_emulator.core.types import Json


def credit(subscription: Json, customer: Json, item: Json, since: int) -> None:
    """Invoice items that give back what an item was charged for the time after ``since``."""
    coin = money.coin(subscription["currency"])
    for debit in subscription["_debits"].get(item["id"], []):
        times = {"start": debit["start"], "end": debit["end"], "since": since}
        amount = amounts.share(debit["amount"], **times, coin=coin)
        if amount == 0:
            continue
        price = store.get("price", debit["price"])  # which the item may have changed from, uncharged
        details = {"invoice": debit["invoice"], "invoice_line_items": [debit["line"]]}
        invoiced = debit["invoice"] is not None
        _new_item(
            subscription,
            customer,
            item,
            amount=-amount,
            quantity=debit["quantity"],
            price=price,
            description=amounts.unused(lines.sold(price), debit["quantity"], since),
            period={"start": since, "end": debit["end"]},
            credited={"invoice_line_item_details": details, "type": "invoice_line_items"}
            if invoiced
            else {"invoice_item": debit.get("invoice_item"), "type": "invoice_item"},
        )


def debit(subscription: Json, customer: Json, item: Json, since: int) -> list[Json]:
    """An invoice item for the rest of an item's period; return it as the item's debits."""
    if usage.is_metered(item["price"]):
        return []  # billed afterwards, by what was used
    start, end = item["current_period_start"], item["current_period_end"]
    whole = pricing.total(lines.whole_price(item, subscription["currency"]), item["quantity"])
    coin = money.coin(subscription["currency"])
    amount = amounts.share(whole, start=start, end=end, since=since, coin=coin)
    off = _discounts(subscription, customer, item, amount)
    amount -= sum(off.values())
    since = max(since, start)
    if since >= end:
        return []
    made = _new_item(
        subscription,
        customer,
        item,
        amount=amount,
        price=item["price"],
        quantity=item["quantity"],
        description=amounts.remaining(lines.sold(item["price"]), item["quantity"], since),
        period={"start": since, "end": end},
        credited=None,
        off=off,
    )
    return [
        {
            "amount": amount,
            "start": since,
            "end": end,
            "invoice": None,
            "line": None,
            "invoice_item": made["id"],
            "price": item["price"]["id"],
            "quantity": item["quantity"],
        }
    ]


def remember_lines(subscription: Json, invoice: Json) -> None:
    """Debits that were pending name their line, now that they are on an invoice."""
    by_item = {}
    for line in invoice["lines"]["data"]:
        source = drafts.source_item(line)
        if source is not None:
            by_item[source["id"]] = line["id"]
    after: Json = {}
    for name, debits in subscription["_debits"].items():
        after[name] = [
            debit | {"invoice": invoice["id"], "line": by_item[debit["invoice_item"]]}
            if debit.get("invoice_item") in by_item
            else debit
            for debit in debits
        ]
    subscription["_debits"] = after


def _new_item(
    subscription: Json,
    customer: Json,
    item: Json,
    *,
    amount: int,
    price: Json,
    credited: Json | None,
    off: dict[str, int] | None = None,
    **fields: Any,
) -> Json:
    taken = off or {}
    return lines.new_invoiceitem(
        customer,
        amount=amount,
        currency=subscription["currency"],
        discountable=False,
        discounts=list(taken),
        metadata={},
        parent={
            "subscription_details": {"subscription": subscription["id"], "subscription_item": item["id"]},
            "type": "subscription_details",
        },
        pricing=lines.pricing_of(price) | {"unit_amount_decimal": None},
        proration=True,
        proration_details={
            "credited_items": credited,
            "discount_amounts": [
                {"amount": cut, "discount": discount_id} for discount_id, cut in taken.items()
            ],
        },
        tax_rates=list(item["tax_rates"]),
        **fields,
    )


def _discounts(subscription: Json, customer: Json, item: Json, amount: int) -> dict[str, int]:
    """What each running coupon takes off a proration: its amount is net of them (``included``).

    A coupon of a fixed amount is shared among the items by what they cost; a proration of one
    item gets the part of it that its own amount deserves.
    """
    off: dict[str, int] = {}
    left = amount
    held = [store.get("discount", discount_id) for discount_id in item["discounts"]]
    for discount in [*filter(discounts.is_running, held), *discounts.effective(subscription, customer)]:
        coupon = discounts.coupon_of(discount)
        cut = discounts.cut(coupon, subscription["currency"])
        if cut is None or not discounts.covers(coupon, item["price"]["product"]):
            continue
        share = (
            _share_of_amount(item, subscription["currency"], cut, amount)
            if cut.percent is None
            else totals.discounted([left], cut)[0]
        )
        if taken := min(share, left):
            off[discount["id"]] = taken
            left -= taken
    return off


def _share_of_amount(item: Json, currency: str, cut: totals.Cut, amount: int) -> int:
    whole = pricing.total(lines.whole_price(item, currency), item["quantity"])
    if whole == 0 or cut.amount is None:
        return 0
    return amounts.rounded(Fraction(min(cut.amount, whole) * amount, whole), cut.coin)
