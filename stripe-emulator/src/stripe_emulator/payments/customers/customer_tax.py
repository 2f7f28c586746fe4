"""Where a customer is, for taxes. https://docs.stripe.com/api/customers/object#customer_object-tax

An address says it. An IP address is kept, and says nothing here.
"""

from __future__ import annotations

from stripe_emulator.api.register import Register
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.events import objects

register = Register()


@register.includable("customer", "tax")
def tax(customer: Json) -> Json:
    """What Stripe Tax knows of where the customer is, shown when asked for."""
    location = _location(customer)
    return {
        "automatic_tax": _ability(location),
        "ip_address": customer.get("_ip_address"),
        "location": location,
        "provider": "stripe",
    }


def take(customer: Json, form: Form) -> None:
    """Keep ``tax`` of a customer's form.

    :raises InvalidRequest: The place was to be known at once, and is not.
    """
    given = form.get("tax")
    if not given:
        return
    if "ip_address" in given:
        objects.change(customer, _ip_address=given["ip_address"] or None)
    if given.get("validate_location") == "immediately" and _location(customer) is None:
        raise InvalidRequest(
            "We could not determine the customer's tax location based on the provided customer address.",
            code="customer_tax_location_invalid",
            param="tax[validate_location]",
        )


def _location(customer: Json) -> Json | None:
    """Where goods go comes before where bills go."""
    sent_to = (customer.get("shipping") or {}).get("address") or {}
    places = (("shipping_destination", sent_to), ("billing_address", customer.get("address") or {}))
    for source, address in places:
        if address.get("country"):
            return {"country": address["country"], "source": source, "state": address.get("state")}
    return None


def _ability(location: Json | None) -> str:
    if location is None:
        return "unrecognized_location"
    rates = store.select("tax_rate", {"active": True, "country": location["country"]}, limit=1)
    return "supported" if rates else "not_collecting"
