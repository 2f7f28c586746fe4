"""What the customer's answer on the bank's page does.

This is no part of ``challenges``, which sends the customer there: ``confirmation`` imports that file,
and this one imports ``confirmation``.
"""

from __future__ import annotations

from stripe_emulator.core.types import Json
from stripe_emulator.payments.confirming import confirmation, setup_confirmation


def answer(intent: Json, *, passed: bool) -> Json:
    """The bank's customer answered; return the intent as it then is.

    :raises CardError: The bank declines after all.
    """
    if intent["object"] == "setup_intent":
        return setup_confirmation.challenged(intent, passed)
    return confirmation.challenged(intent, passed)
