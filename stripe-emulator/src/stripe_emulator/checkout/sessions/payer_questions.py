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


#: A whole billing address, and what of it is enough to check a card and to find the tax.
WHOLE_ADDRESS = ("line1", "city", "postal_code", "country")
BRIEF_ADDRESS = ("postal_code", "country")


def address_parts(session: Json) -> tuple[str, ...]:
    """The parts of a billing address that the page has fields for."""
    if session["billing_address_collection"] == "required":
        return WHOLE_ADDRESS
    return BRIEF_ADDRESS if asks_card(session) or needs_address(session) else ()


def needs_address(session: Json) -> bool:
    """Whether nobody can pay without a billing address: the shop requires it, or the tax is found by it."""
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
