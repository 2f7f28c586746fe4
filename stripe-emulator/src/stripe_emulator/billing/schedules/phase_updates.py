"""A phase as a form of its subscription: of a new one, or of the update that makes one of it."""

from __future__ import annotations

from stripe_emulator.billing.terms import items
from stripe_emulator.core.types import Json


def form_of(item: Json) -> Json:
    """A phase's item as a subscription's form takes it."""
    return {
        "price": item["price"],
        items.AGREED: True,
        **({"quantity": item["quantity"]} if "quantity" in item else {}),
        "discounts": [without_nulls(discount) for discount in item["discounts"]],
        "metadata": item["metadata"],
        "tax_rates": item["tax_rates"],
    }


def forms_of_extras(phase: Json) -> list[Json]:
    """``add_invoice_items[]`` of the subscription's form."""
    return [without_nulls(extra) | {items.AGREED: True} for extra in phase["add_invoice_items"]]


def without_nulls(value: Json) -> Json:
    """What was shown, as a form: without what nobody asked for."""
    return {key: field for key, field in value.items() if field is not None and key != "period"}


def difference(subscription: Json, phase: Json) -> list[Json]:
    """``items[]`` of the update that turns a subscription's items into a phase's."""
    left = list(subscription["items"]["data"])
    forms: list[Json] = []
    for wanted in phase["items"]:
        same = next((other for other in left if other["price"]["id"] == wanted["price"]), None)
        item = same or next((other for other in left if not _is_wanted(other, phase)), None)
        form = form_of(wanted)
        if item is not None:
            left.remove(item)
            form["id"] = item["id"]
        forms.append(form)
    return [*forms, *({"id": item["id"], "deleted": True} for item in left)]


def _is_wanted(item: Json, phase: Json) -> bool:
    return any(item["price"]["id"] == wanted["price"] for wanted in phase["items"])


def differs(subscription: Json, phase: Json) -> bool:
    """Whether a subscription is not yet what a phase says."""
    has = [(item["price"]["id"], item.get("quantity", 0)) for item in subscription["items"]["data"]]
    return sorted(has) != sorted((item["price"], item.get("quantity", 0)) for item in phase["items"])
