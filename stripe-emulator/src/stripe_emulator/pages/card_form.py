"""A card as customers type it, on every page that takes one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from stripe_emulator.core.errors import CardError
from stripe_emulator.core.types import Json
from stripe_emulator.payments import cards, payment_methods

_EXPIRY = re.compile(r"\s*(\d{1,2})\s*[/\-. ]?\s*(\d{2}|\d{4})\s*")


@dataclass
class Refusal(Exception):
    """A sentence for the customer, and the field that it stands at."""

    field: str
    message: str


def read(
    form: Mapping[str, str], *, email: str = "", phone: str | None = None, address: Json | None = None
) -> Json:
    """A payment method from ``card_number``, ``card_expiry``, ``card_cvc`` and ``name``.

    :raises Refusal: One of them can't be right.
    """
    try:
        card = cards.numbered(form.get("card_number", ""))
    except CardError:
        raise Refusal(
            "card_number", "This is not a card number. In test mode, try 4242 4242 4242 4242."
        ) from None
    expiry = _EXPIRY.fullmatch(form.get("card_expiry", ""))
    if expiry is None:
        raise Refusal("card_expiry", "Enter the expiry date as month and year, such as 12/34.")
    year = int(expiry[2]) + (2000 if len(expiry[2]) == 2 else 0)
    if not re.fullmatch(r"\s*\d{3,4}\s*", form.get("card_cvc", "")):
        raise Refusal("card_cvc", "Enter the three or four digits of the security code.")
    details: Json = {"email": email or None, "name": form.get("name", "").strip() or None, "phone": phone}
    if address is not None:
        details["address"] = address
    try:
        return payment_methods.new_card(
            card, exp_month=int(expiry[1]), exp_year=year, form={"billing_details": details}
        )
    except CardError:
        raise Refusal("card_expiry", "This expiry date is in the past, or is no date.") from None
