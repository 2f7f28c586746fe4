"""A customer is billed in one currency at a time. https://docs.stripe.com/billing/customer#currency"""

from __future__ import annotations

from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.time import due_work
from stripe_emulator.core.types import Json
from stripe_emulator.events import objects

#: States of a subscription that no longer binds its customer to a currency.
OVER = ("canceled", "incomplete_expired")


def check(customer: Json, currency: str) -> None:
    """:raises InvalidRequest: Something of the customer's is billed in another currency."""
    if due_work.somebody_asks() and (other := _other_in_use(customer, currency)):
        raise InvalidRequest(
            "You cannot combine currencies on a single customer. This customer has an active subscription,"
            " subscription schedule, discount, quote, or invoice item with currency"
            f" {other}."
        )


def take(customer: Json, currency: str) -> None:
    """What is billed from now on is in this currency; the customer's balance stays in its own."""
    if customer["currency"] is None:
        objects.change(customer, currency=currency)


def _other_in_use(customer: Json, currency: str) -> str | None:
    mine = {"customer": customer["id"]}
    in_use = [
        *(held for held in store.select("subscription", mine) if held["status"] not in OVER),
        *store.select("invoiceitem", {**mine, "invoice": None}),
    ]
    return next((str(held["currency"]) for held in in_use if held["currency"] != currency), None)
