"""A card as customers type it, on every page that takes one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from stripe_emulator.core.errors import CardError
from stripe_emulator.core.time import clock
from stripe_emulator.core.types import Json
from stripe_emulator.payments.cards import cards
from stripe_emulator.payments.cards.cards import Card
from stripe_emulator.payments.methods import method_forms

_EXPIRY = re.compile(r"\s*(\d{1,2})\s*[/\-. ]?\s*(\d{2}|\d{4})\s*")

#: What has a place of its own for a sentence, by its name.
_FIELDS = (
    r"email|name|phone|card_\w+|saved_card|line1|city|postal_code|country|business_name|tax_id|tax_id_type"
    r"|shipping_\w+|custom_fields\[\w+\]|terms_of_service|promotion_code|optional_item"
)


@dataclass
class Refusal(Exception):
    """A sentence for the customer at each field that is wrong, in the order of the form."""

    faults: dict[str, str]

    @property
    def is_alone(self) -> bool:
        """Whether one field is wrong: then its sentence stands there, and nowhere else."""
        return len(self.faults) == 1 and re.fullmatch(_FIELDS, self.first) is not None

    @property
    def message(self) -> str:
        """What stands above the form."""
        if len(self.faults) == 1:
            return next(iter(self.faults.values()))
        return f"{len(self.faults)} fields are missing or wrong. Each says what it needs."

    @property
    def first(self) -> str:
        """The field to begin with."""
        return next(iter(self.faults))


def chosen(form: Mapping[str, str]) -> str:
    """Where to say that the card was refused: at the saved cards, or at the number that was typed."""
    return "saved_card" if form.get("saved_card") else "card_number"


@contextmanager
def gathered(faults: dict[str, str]) -> Iterator[None]:
    """Keep what a part of a form refuses, so that its other parts are read as well."""
    try:
        yield
    except Refusal as refusal:
        faults |= refusal.faults


def read(
    form: Mapping[str, str], *, email: str = "", phone: str | None = None, address: Json | None = None
) -> Json:
    """A payment method from ``card_number``, ``card_expiry``, ``card_cvc`` and ``name``.

    :raises Refusal: Some of them can't be right; it names each.
    """
    card, month, year = check(form)
    details: Json = {"email": email or None, "name": form.get("name", "").strip() or None, "phone": phone}
    if address is not None:
        details["address"] = address
    try:
        return method_forms.new_card(card, exp_month=month, exp_year=year, form={"billing_details": details})
    except CardError as error:
        raise Refusal({"card_expiry": error.message}) from None


def check(form: Mapping[str, str]) -> tuple[Card, int, int]:
    """What was typed: the test card, its month and its year.

    :raises Refusal: Some of it can't be right; it names each field.
    """
    faults: dict[str, str] = {}
    card = None
    try:
        card = cards.numbered(form.get("card_number", ""))
    except CardError:
        faults["card_number"] = "Your card number is invalid. In test mode, try 4242 4242 4242 4242."
    month, year = 0, 0
    with gathered(faults):
        month, year = _expiry(form.get("card_expiry", ""))
    if not re.fullmatch(r"\s*\d{3,4}\s*", form.get("card_cvc", "")):
        faults["card_cvc"] = "Your card's security code is incomplete."
    if card is None or faults:
        raise Refusal(faults)
    return card, month, year


def _expiry(typed: str) -> tuple[int, int]:
    """Month and year.

    :raises Refusal: It is no month, or a past one.
    """
    expiry = _EXPIRY.fullmatch(typed)
    if expiry is None:
        raise Refusal({"card_expiry": "Your card's expiration date is incomplete."})
    month, year = int(expiry[1]), int(expiry[2]) + (2000 if len(expiry[2]) == 2 else 0)
    if not 1 <= month <= 12:
        raise Refusal({"card_expiry": "Your card's expiration month is invalid."})
    if 12 * year + month < clock.month_index(clock.now()):
        raise Refusal({"card_expiry": "Your card's expiration date is in the past."})
    return month, year
