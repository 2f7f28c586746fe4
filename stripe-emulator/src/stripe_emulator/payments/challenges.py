"""The bank's page: where it is for an intent that requires action, and what an answer does."""

from __future__ import annotations

from collections.abc import Callable

from stripe_emulator.core import store
from stripe_emulator.core.store import Json

#: Object name -> what the customer's answer does: called with the intent and whether they passed.
ANSWERS: dict[str, Callable[[Json, bool], Json]] = {}


def url(intent: Json) -> str:
    """The bank's page for an intent."""
    return (
        f"{store.current().store.base_url}/challenge/{intent['id']}?client_secret={intent['client_secret']}"
    )


def next_action(intent: Json, return_url: str | None) -> Json:
    """What the intent tells its page to do: go to the bank, or have stripe.js do it."""
    if return_url:
        return {"type": "redirect_to_url", "redirect_to_url": {"return_url": return_url, "url": url(intent)}}
    return {
        "type": "use_stripe_sdk",
        "use_stripe_sdk": {"type": "three_d_secure_redirect", "stripe_js": url(intent)},
    }


def answer(intent: Json, *, passed: bool) -> Json:
    """The bank's customer answered; return the intent as it then is.

    :raises CardError: The bank declines after all.
    """
    return ANSWERS[intent["object"]](intent, passed)
