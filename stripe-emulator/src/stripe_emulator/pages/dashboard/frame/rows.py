"""Objects as rows of a table: what a person knows them by, whose they are, and what they are worth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from stripe_emulator.core.database import store
from stripe_emulator.core.types import Json
from stripe_emulator.pages.common import describe


@dataclass(frozen=True)
class Row:
    """One object. ``owner`` is its customer's name, with the id in ``owner_id``; each may be empty."""

    kind: str
    id: str
    title: str
    owner_id: str
    owner: str
    amount: str
    status: str
    created: int | None


def rows_of(values: Sequence[Json]) -> list[Row]:
    """The objects as rows, in their order."""
    owners = names_of(
        value["customer"] for value in values if isinstance(value.get("customer"), str) and value["customer"]
    )
    return [
        Row(
            kind=value["object"],
            id=value["id"],
            title=title(value),
            owner_id=value["customer"] if isinstance(value.get("customer"), str) else "",
            owner=owners.get(value["customer"], "") if isinstance(value.get("customer"), str) else "",
            amount=describe.full_amount(value),
            status="deleted" if value.get("deleted") else describe.status(value),
            created=value.get("created"),
        )
        for value in values
    ]


def names_of(customers: Iterable[str]) -> dict[str, str]:
    """What customers are called: a name, an address, or the end of the id."""
    return {
        customer: describe.name_of_customer(store.find("customer", customer) or {"id": customer})
        for customer in set(customers)
    }


def title(value: Json) -> str:
    """What a person knows an object by; empty if it has nothing but its id."""
    match value.get("object"):
        case "customer":
            return describe.name_of_customer(value)
        case "subscription" | "subscription_schedule":
            names = [
                _product(item["price"]["product"]) for item in (value.get("items") or {}).get("data", [])
            ]
            return ", ".join(name for name in names if name)
        case "price" | "plan":
            return _product(value["product"])
        case "payment_intent":
            method = store.find("payment_method", value["payment_method"] or "") or {}
            return value["description"] or describe.name(method)
        case "charge":
            card = (value["payment_method_details"] or {}).get("card")
            return value["description"] or (describe.brand(card) if card else "")
        case "checkout.session":
            return ", ".join(line["description"] for line in value.get("_lines") or [])
        case "invoiceitem":
            return value["description"] or ""
    return describe.name(value)


def _product(product: Json | str | None) -> str:
    known = product if isinstance(product, dict) else store.find("product", product or "") or {}
    return str(known.get("name", ""))
