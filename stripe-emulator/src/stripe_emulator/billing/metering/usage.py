"""How much a customer has used, by a meter. https://docs.stripe.com/billing/subscriptions/usage-based"""

from __future__ import annotations

from decimal import Decimal

from stripe_emulator.core.database import store
from stripe_emulator.core.types import Json

#: What was reported, one for each meter event.
REPORTED = "meter_usage"


def is_metered(price: Json) -> bool:
    """Whether a price is billed afterwards, by what a meter counted."""
    return bool(price["recurring"] and price["recurring"]["usage_type"] == "metered")


def total(meter: Json, customer_id: str, *, start: int, end: int) -> Decimal:
    """What a customer used from ``start`` on, before ``end``: the sum, the last value or the count."""
    where = {"customer": customer_id, "_parent": meter["id"], "timestamp": {"gte": start, "lt": end}}
    reports = [each for each in store.select(REPORTED, where) if not each["canceled"]]
    formula = meter["default_aggregation"]["formula"]
    if formula == "count":
        return Decimal(len(reports))
    values = [Decimal(each["value"]) for each in sorted(reports, key=lambda each: int(each["timestamp"]))]
    if formula == "last":
        return values[-1] if values else Decimal(0)
    return sum(values, Decimal(0))


def of_item(subscription: Json, item: Json, *, start: int, end: int) -> int:
    """The whole units of an item that are billed for a period; none before it counts.

    Nothing counts of before the item had its price.
    """
    start = max(start, (subscription.get("_metered_since") or {}).get(item["id"], start))
    meter = store.get("billing.meter", item["price"]["recurring"]["meter"])
    return max(0, int(total(meter, subscription["customer"], start=start, end=end)))
