"""What was used of a metered price that a subscription leaves before the period is over.

It is billed with the next invoice, as an invoice item; what is used later counts for the price that came.
"""

from __future__ import annotations

from stripe_emulator.billing.invoices import lines
from stripe_emulator.billing.metering import usage
from stripe_emulator.catalog import pricing
from stripe_emulator.catalog.sums import amounts
from stripe_emulator.core.time import clock
from stripe_emulator.core.types import Json
from stripe_emulator.events import objects


def bill(subscription: Json, customer: Json, data: list[Json], *, resets: bool) -> None:
    """Bill what was used of each metered price that an item leaves, or whose period ends now.

    :param data: The items as they will be.
    :param resets: New periods begin now.
    """
    before = {item["id"]: item for item in subscription["items"]["data"]}
    after = {item["id"]: item for item in data}
    for name, item in before.items():
        stays = name in after and after[name]["price"]["id"] == item["price"]["id"]
        if usage.is_metered(item["price"]) and (resets or not stays):
            _bill(subscription, customer, item)
    since = dict(subscription.get("_metered_since") or {})
    for name, item in after.items():
        stays = name in before and before[name]["price"]["id"] == item["price"]["id"]
        if usage.is_metered(item["price"]) and (resets or not stays):
            since[name] = clock.now()
    objects.change(subscription, _metered_since={name: since[name] for name in since if name in after})


def _bill(subscription: Json, customer: Json, item: Json) -> None:
    if subscription["status"] == "trialing":
        return  # what is used in a trial is free
    start, end = item["current_period_start"], clock.now()
    quantity = usage.of_item(subscription, item, start=start, end=end)
    price = lines.whole_price(item, subscription["currency"])
    if quantity == 0:
        return
    lines.new_invoiceitem(
        customer,
        amount=pricing.total(price, quantity),
        currency=subscription["currency"],
        description=amounts.regular(lines.sold(price), price, quantity),
        discounts=list(item["discounts"]),
        metadata={},
        parent={
            "subscription_details": {"subscription": subscription["id"], "subscription_item": item["id"]},
            "type": "subscription_details",
        },
        period={"start": start, "end": end},
        pricing=lines.pricing_of(price),
        quantity=quantity,
        tax_rates=list(item["tax_rates"]),
    )
