"""Endpoints that answer no event with 2xx: watched, and disabled after nine days.

Stripe writes a mail after some days, which names the moment; here the dashboard does. Only what
was registered by the API is disabled; a ``--webhook`` listens on, as ``stripe listen`` does.
https://docs.stripe.com/webhooks#disable
"""

from __future__ import annotations

from stripe_emulator.core.database import store
from stripe_emulator.core.time import clock
from stripe_emulator.core.types import Json
from stripe_emulator.events import listeners, objects

#: Seconds from the first failure since the last success; Stripe's mails name this moment.
DISABLED_AFTER = 9 * clock.DAY


def note(endpoint_id: str, *, delivered: bool, at: int) -> None:
    """Remember how an attempt ended; the one that fails too long after the first disables its endpoint.

    :param at: When it was made.
    """
    endpoint = next(filter(None, (store.find(kind, endpoint_id) for kind in listeners.REGISTERED)), None)
    if endpoint is None:
        return
    since = endpoint.get("_failing_since")
    if delivered:
        if since is not None:
            objects.change(endpoint, _failing_since=None)
    elif since is None:
        objects.change(endpoint, _failing_since=at)
    elif at >= since + DISABLED_AFTER:
        objects.change(endpoint, status="disabled")


def warning(endpoint: Json) -> Json | None:
    """Since when an endpoint fails, and when it will be or was disabled for that; None if it doesn't fail."""
    since = endpoint.get("_failing_since")
    if since is None:
        return None
    return {"since": since, "disabled_from": since + DISABLED_AFTER}
