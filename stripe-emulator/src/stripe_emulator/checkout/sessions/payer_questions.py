"""What a Checkout Session asks of whoever pays."""

from __future__ import annotations

from stripe_emulator.checkout.modes.subscription_mode import needs_card
from stripe_emulator.core.database import store
from stripe_emulator.core.types import Json


def asks_terms(session: Json) -> bool:
    """Whether the customer has to accept the shop's terms of service."""
    return (session["consent_collection"] or {}).get("terms_of_service") == "required"


def asks_phone(session: Json) -> bool:
    """Whether the customer has to give a phone number."""
    return bool((session["phone_number_collection"] or {}).get("enabled"))


def asks_address(session: Json) -> bool:
    """Whether the customer has to give a billing address: asked for, or needed to find the tax."""
    if session["billing_address_collection"] == "required":
        return True
    if not (session.get("automatic_tax") or {}).get("enabled"):
        return False
    customer = store.find("customer", session["customer"]) if session["customer"] else None
    return not (customer or {}).get("address")


def asks_tax_id(session: Json) -> bool:
    """Whether the customer may give a tax id, and the business that it belongs to."""
    return bool((session.get("tax_id_collection") or {}).get("enabled"))


def asks_card(session: Json) -> bool:
    """Whether a card is wanted: not where a discount takes all, or a trial needs none."""
    if session["mode"] == "payment":
        return bool(session["amount_total"])
    return session["mode"] == "setup" or needs_card(session)
