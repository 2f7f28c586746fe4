"""The bank's page: where it is for an intent that requires action."""

from __future__ import annotations

from stripe_emulator.core.database import transactions
from stripe_emulator.core.types import Json


def url(intent: Json) -> str:
    """The bank's page for an intent."""
    base = transactions.current().store.base_url
    return f"{base}/challenge/{intent['id']}?client_secret={intent['client_secret']}"


def next_action(intent: Json, return_url: str | None, *, by_sdk: bool) -> Json:
    """What the intent's page has to do: go to the bank, or have stripe.js do it.

    :param by_sdk: The shop asked for the latter, though it said where to go afterwards.
    """
    if return_url and not by_sdk:
        return {"type": "redirect_to_url", "redirect_to_url": {"return_url": return_url, "url": url(intent)}}
    return {
        "type": "use_stripe_sdk",
        "use_stripe_sdk": {"type": "three_d_secure_redirect", "stripe_js": url(intent)},
    }
