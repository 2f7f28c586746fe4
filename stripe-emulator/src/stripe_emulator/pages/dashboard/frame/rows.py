"""Objects as rows of a table: what a person knows them by, whose they are, and what they are worth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from stripe_emulator.core.database import store
from stripe_emulator.core.types import Json
from stripe_emulator.pages.common import describe
from stripe_emulator.payments.money_back import dispute_states


@dataclass(frozen=True)
class Row:
    """One object. What it does not have is empty.

    ``owner`` is its customer's name, with the id in ``owner_id``. ``card`` paid it, where the title does not
    say so already, and ``email`` is a customer's own, where the title is a name.
    """

    kind: str
    id: str
    title: str
    card: str
    email: str
    owner_id: str
    owner: str
    amount: str
    status: str
    created: int | None


def rows_of(values: Sequence[Json]) -> list[Row]:
    """The objects as rows, in their order."""
    customers = [customer_of(value) for value in values]
    names = names_of(customer for customer in customers if customer)
    return [_row(value, owner, names.get(owner, "")) for value, owner in zip(values, customers, strict=True)]


def _row(value: Json, owner_id: str, owner: str) -> Row:
    known_by, card, email = title(value), card_of(value), value.get("email")
    return Row(
        kind=value["object"],
        id=value["id"],
        title=known_by,
        card=card if card != known_by else "",
        email=email if value["object"] == "customer" and email and email != known_by else "",
        owner_id=owner_id,
        owner=owner,
        amount=describe.amount(value),
        status=state(value),
        created=value.get("created"),
    )


def state(value: Json) -> str:
    """The state that an object is in. A payment, or its charge, that a bank wants back, or has, says that."""
    if value.get("deleted"):
        return "deleted"
    if value["object"] in ("payment_intent", "charge"):
        states = {dispute["status"] for dispute in store.select("dispute", {value["object"]: value["id"]})}
        if "lost" in states:
            return "dispute lost"
        if states & {*dispute_states.ANSWERED, *dispute_states.ANSWERED.values()}:
            return "disputed"
    return describe.status(value)


def customer_of(value: Json) -> str:
    """The id of the customer whom an object names, or whose charge or invoice it is about; else nothing."""
    for kind in ("charge", "invoice"):
        if "customer" not in value and isinstance(value.get(kind), str):
            value = store.find(kind, value[kind]) or {}
    customer = value.get("customer")
    return customer if isinstance(customer, str) else ""


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
            return value["description"] or _bought(value["id"]) or card_of(value)
        case "charge":
            return value["description"] or _bought(value["payment_intent"]) or card_of(value)
        case "checkout.session":
            return _lines(value)
        case "invoiceitem":
            return value["description"] or ""
    return describe.name(value)


def card_of(value: Json) -> str:
    """The card, or what else, that pays a payment or its charge; empty for other objects."""
    match value["object"]:
        case "payment_intent":
            return describe.name(store.find("payment_method", value["payment_method"] or "") or {})
        case "charge":
            card = (value["payment_method_details"] or {}).get("card")
            return describe.brand(card) if card else ""
    return ""


def _bought(payment_intent: str | None) -> str:
    """What was bought on the page of Checkout that a payment is of; empty where it is of none."""
    sessions = store.select("checkout.session", {"payment_intent": payment_intent}, limit=1)
    return _lines(sessions[0]) if payment_intent and sessions else ""


def _lines(session: Json) -> str:
    return ", ".join(line["description"] for line in session.get("_lines") or [])


def _product(product: Json | str | None) -> str:
    known = product if isinstance(product, dict) else store.find("product", product or "") or {}
    return str(known.get("name", ""))
