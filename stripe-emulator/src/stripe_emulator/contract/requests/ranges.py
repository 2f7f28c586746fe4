"""How large a number may be and how many rows a list has, where Stripe's documents say it in words alone.

Neither the SDK nor the specification has these in fields that a program reads. Parameters that a resource
checks itself, such as amounts, are not here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, TypeAlias

from stripe_emulator.contract.sources.routes import Route
from stripe_emulator.core.errors import InvalidRequest

#: The least and the most that a number may be, or how many rows a list may have; None is no bound.
Bounds: TypeAlias = tuple[int | None, int | None]

_ANCHOR: dict[str, Bounds] = {
    "billing_cycle_anchor_config[day_of_month]": (1, 31),
    "billing_cycle_anchor_config[month]": (1, 12),
    "billing_cycle_anchor_config[hour]": (0, 23),
    "billing_cycle_anchor_config[minute]": (0, 59),
    "billing_cycle_anchor_config[second]": (0, 59),
}
_INVOICE: dict[str, Bounds] = {"custom_fields": (None, 4), "days_until_due": (0, None)}
_CUSTOMER: dict[str, Bounds] = {
    "invoice_settings[custom_fields]": (None, 4),
    "next_invoice_sequence": (1, None),
}
_PRODUCT: dict[str, Bounds] = {"images": (None, 8), "marketing_features": (None, 15)}

BOUNDS: dict[str, dict[str, Bounds]] = {
    "POST /v1/customers": _CUSTOMER,
    "POST /v1/customers/{}": _CUSTOMER,
    "POST /v1/invoices": _INVOICE,
    "POST /v1/invoices/{}": _INVOICE,
    "POST /v1/prices": {"transform_quantity[divide_by]": (1, None)},
    "POST /v1/products": _PRODUCT,
    "POST /v1/products/{}": _PRODUCT,
    "POST /v1/promotion_codes": {"max_redemptions": (1, None), "restrictions[minimum_amount]": (1, None)},
    "POST /v1/subscriptions": {**_ANCHOR, "days_until_due": (0, None)},
    "POST /v1/subscriptions/{}": {"days_until_due": (0, None)},
}


def check(route: Route, values: dict[str, Any]) -> None:
    """:raises InvalidRequest: A number of a typed form is out of range, or a list has too many rows."""
    bounds = BOUNDS.get(re.sub(r"\{\w+\}", "{}", str(route)))
    if not bounds:
        return
    for name, value in _numbers(values):
        least, most = bounds.get(name, (None, None))
        if isinstance(value, list):
            if most is not None and len(value) > most:
                raise InvalidRequest(f"Array {name} exceeded maximum {most} allowed elements.", param=name)
        elif least is not None and value < least:
            raise _out_of_range(name, f"greater than or equal to {least}")
        elif most is not None and value > most:
            raise _out_of_range(name, f"less than or equal to {most}")


def _numbers(values: dict[str, Any], within: str = "") -> Iterator[tuple[str, Any]]:
    """Each number and each list, by the name that it was sent with. Nothing counts as read."""
    for key, value in dict.items(values):
        name = f"{within}[{key}]" if within else key
        if isinstance(value, dict):
            yield from _numbers(value, name)
        elif isinstance(value, list) or (isinstance(value, int) and not isinstance(value, bool)):
            yield name, value


def _out_of_range(name: str, words: str) -> InvalidRequest:
    return InvalidRequest(f"This value must be {words}.", code="parameter_invalid_integer", param=name)
