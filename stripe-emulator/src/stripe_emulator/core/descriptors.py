"""What may stand on a customer's statement. https://docs.stripe.com/get-started/account/statement-descriptors"""

from __future__ import annotations

from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.types import Json

FORBIDDEN = frozenset("<>\\'\"*")

#: What the account is called on a statement, and what stands before a suffix.
STATIC, PREFIX = "STRIPE EMULATOR", "EMULATOR"

#: As many characters as a bank prints.
LONGEST = 22


def check(text: str | None, param: str) -> None:
    """:raises InvalidRequest: It has no letter, or has a sign that banks refuse."""
    if not text:
        return
    if FORBIDDEN & set(text) or not any(character.isascii() and character.isalpha() for character in text):
        raise InvalidRequest(
            f"The {param} must contain at least one letter, and none of < > \\ ' \" *.", param=param
        )


def on_a_card(payment: Json) -> str:
    """What the statement of a card shows of a payment. A direct charge may give its suffix by either name."""
    suffix = payment["statement_descriptor_suffix"] or payment["statement_descriptor"]
    return f"{PREFIX}* {suffix}"[:LONGEST] if suffix else STATIC
