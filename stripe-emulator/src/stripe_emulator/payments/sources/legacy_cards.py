"""A payment method in the shape that cards had as sources of their customer. https://docs.stripe.com/api/cards"""

from __future__ import annotations

from stripe_emulator import contract
from stripe_emulator.core.errors import CardError
from stripe_emulator.core.types import Json

#: How such a card names its brand.
_BRANDS = {
    "amex": "American Express",
    "diners": "Diners Club",
    "discover": "Discover",
    "jcb": "JCB",
    "mastercard": "MasterCard",
    "unionpay": "UnionPay",
    "visa": "Visa",
}

#: The lines of an address: a card's field, and the payment method's.
_ADDRESS = {
    "address_city": "city",
    "address_country": "country",
    "address_line1": "line1",
    "address_line2": "line2",
    "address_state": "state",
    "address_zip": "postal_code",
}


def shown(method: Json) -> Json:
    """The card of a payment method, under the payment method's own id."""
    card, details = method["card"], method["billing_details"]
    address = details["address"] or {}
    checks = card["checks"]
    return contract.blank("card") | {
        **{field: address.get(line) for field, line in _ADDRESS.items()},
        "id": method["id"],
        "object": "card",
        "address_line1_check": checks["address_line1_check"],
        "address_zip_check": checks["address_postal_code_check"],
        "brand": _BRANDS.get(card["brand"], "Unknown"),
        "country": card["country"],
        "customer": method["customer"],
        "cvc_check": checks["cvc_check"],
        "dynamic_last4": None,
        "exp_month": card["exp_month"],
        "exp_year": card["exp_year"],
        "fingerprint": card["fingerprint"],
        "funding": card["funding"],
        "last4": card["last4"],
        "metadata": dict(method["metadata"] or {}),
        "name": details["name"],
        "networks": {"preferred": None},
        "regulated_status": card["regulated_status"],
        "tokenization_method": None,
    }


def billing_details(form: Json) -> Json:
    """The ``billing_details`` of a payment method from a card's ``name`` and ``address_*``."""
    details: Json = {"name": form["name"]} if "name" in form else {}
    address = {line: form[field] or None for field, line in _ADDRESS.items() if field in form}
    return details | ({"address": address} if address else {})


def whole(text: str, param: str) -> int:
    """A number of an expiry, which the contract has as text.

    :raises CardError: It is none.
    """
    if not (text.isascii() and text.isdigit() and len(text) < 5):
        raise CardError(
            f"Your card's expiration {param.removeprefix('exp_')} is invalid.",
            code=f"invalid_expiry_{param.removeprefix('exp_')}",
            param=param,
        )
    return int(text)
