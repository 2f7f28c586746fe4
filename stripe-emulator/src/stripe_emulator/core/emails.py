"""Which e-mail addresses Stripe takes."""

from __future__ import annotations

import re

from stripe_emulator.core.errors import InvalidRequest

#: A domain has a dot: nobody outside of this machine could write to ``pat@localhost``.
_ADDRESS = re.compile(r"[^\s@]{1,64}@(?:[^\s@.]+\.)+[^\s@.]+")

LONGEST = 512


def is_valid(email: str) -> bool:
    """Whether Stripe would send a mail to this address."""
    return len(email) <= LONGEST and _ADDRESS.fullmatch(email) is not None


def check(email: str | None, param: str) -> None:
    """:raises InvalidRequest: It is there, and no address."""
    if email and not is_valid(email):
        raise InvalidRequest(f"Invalid email address: {email[:LONGEST]}", code="email_invalid", param=param)
