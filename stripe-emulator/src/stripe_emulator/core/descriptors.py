"""What may stand on a customer's statement. https://docs.stripe.com/get-started/account/statement-descriptors"""

from __future__ import annotations

from stripe_emulator.core.errors import InvalidRequest

FORBIDDEN = frozenset("<>\\'\"*")


def check(text: str | None, param: str) -> None:
    """:raises InvalidRequest: It has no letter, or has a sign that banks refuse."""
    if not text:
        return
    if FORBIDDEN & set(text) or not any(character.isascii() and character.isalpha() for character in text):
        raise InvalidRequest(
            f"The {param} must contain at least one letter, and none of < > \\ ' \" *.", param=param
        )
