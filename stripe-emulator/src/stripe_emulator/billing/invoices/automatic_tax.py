"""Stripe Tax: which rates hold for a customer, and who pays the tax to the state.

Stripe finds rates by the seller's registrations and the buyer's address. Here the rule is: every
active tax rate of the country that the address names, of "US" where there is none. A company with
a VAT number of the country that it is in pays the tax itself, by reverse charge, unless the seller is there.
https://docs.stripe.com/tax/zero-tax#reverse-charges
"""

from __future__ import annotations

from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.payments.customers import tax_ids

#: Where the seller is, and the buyer of whom no address is known.
HOME = "US"

#: Types of tax ids by which a company pays the tax itself.
REVERSED_BY = ("eu_vat",)

OFF: Json = {"disabled_reason": None, "enabled": False, "liability": None, "provider": None, "status": None}
ON: Json = OFF | {"enabled": True, "liability": {"type": "self"}, "provider": "stripe", "status": "complete"}


def is_wanted(form: Form) -> bool:
    """Whether the form asks for taxes without naming rates."""
    return bool((form.get("automatic_tax") or {}).get("enabled"))


def of_invoice(customer: Json, *, enabled: bool) -> Json:
    """An invoice's ``automatic_tax``."""
    if not enabled:
        return dict(OFF)
    return ON if country_of(customer) else ON | {"status": "requires_location_inputs"}


def of_subscription(*, enabled: bool) -> Json:
    """A subscription's ``automatic_tax``."""
    return {"disabled_reason": None, "enabled": enabled, "liability": {"type": "self"} if enabled else None}


def rates(customer: Json | None) -> list[Json]:
    """The rates that hold for a customer."""
    return rates_of(country_of(customer or {}))


def rates_of(country: str | None) -> list[Json]:
    """The rates that hold for who is in a country."""
    return store.select("tax_rate", {"active": True, "country": country or HOME})


def is_reversed(customer: Json | None) -> bool:
    """Whether the customer pays the tax to the state itself."""
    if customer is None or customer.get("deleted"):
        return False
    held = store.select(tax_ids.KIND, {"customer": customer["id"]})
    return reverses(country_of(customer), held)


def reverses(country: str | None, held: list[Json]) -> bool:
    """Whether a company in this country, with these tax ids, pays the tax to the state itself."""
    if country in (None, HOME):
        return False
    return any(tax_id["type"] in REVERSED_BY and tax_id["value"][:2] == country for tax_id in held)


def require_location(customer: Json) -> None:
    """:raises InvalidRequest: Nobody knows where the customer is."""
    if country_of(customer) is None:
        raise InvalidRequest(
            "The customer's location isn't recognized. Set a valid customer address in order to automatically"
            " calculate tax.",
            code="customer_tax_location_invalid",
            param="automatic_tax",
        )


def country_of(customer: Json) -> str | None:
    """The country that the customer's address names."""
    country: str | None = (customer.get("address") or {}).get("country")
    return country
