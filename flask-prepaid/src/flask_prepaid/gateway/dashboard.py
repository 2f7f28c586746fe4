"""Where an object has its page in Stripe's dashboard, or in the emulator's."""

from __future__ import annotations

from urllib.parse import urlencode

from ..config import Config

#: The part of the dashboard that shows an object, by how its id begins.
PLACES = {
    "ch": "payments",
    "cus": "customers",
    "dp": "disputes",
    "du": "disputes",
    "in": "invoices",
    "pi": "payments",
    "py": "payments",
    "sub": "subscriptions",
}


def page_of(config: Config, stripe_id: str) -> str | None:
    """The address of its page; ``None`` where the dashboard has none for such an object, as for a session."""
    if config.api_base is not None and not config.livemode:  # it is the emulator's
        return f"{config.api_base.rstrip('/')}/find?{urlencode({'q': stripe_id})}"
    place = PLACES.get(stripe_id.partition("_")[0])
    mode = "" if config.livemode else "/test"
    return place and f"https://dashboard.stripe.com{mode}/{place}/{stripe_id}"
