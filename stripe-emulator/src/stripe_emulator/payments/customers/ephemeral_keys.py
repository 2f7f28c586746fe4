"""Ephemeral keys: a mobile app acts for one customer, for an hour. https://docs.stripe.com/mobile

What such a key may call is in ``api.keys``.
"""

from __future__ import annotations

from stripe_emulator.api import keys
from stripe_emulator.api.register import Register
from stripe_emulator.core import ids
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest, NotEmulated
from stripe_emulator.core.time import clock
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form, public
from stripe_emulator.events import objects

register = Register()

#: Seconds that a key is good.
LIVES = 3600


@register.post("/v1/ephemeral_keys")
def create(form: Form) -> Json:
    """Make a key for a customer; only this answer shows its secret."""
    for param in ("issuing_card", "nonce", "verification_session"):
        if param in form:
            raise NotEmulated(f"ephemeral keys with {param}", param=param)
    if "customer" not in form:
        raise InvalidRequest("Missing required param: customer.", code="parameter_missing", param="customer")
    customer = store.named("customer", form["customer"], "customer")
    key = objects.create(
        "ephemeral_key",
        expires=clock.now() + LIVES,
        _customer=customer["id"],
        _secret=f"{keys.EPHEMERAL}{ids.token(60)}",
    )
    return {**public(key), "secret": key["_secret"]}


@register.delete("/v1/ephemeral_keys/{key}")
def remove(form: Form, key_id: str) -> Json:
    """End a key at once; the answer is the key, expired."""
    key = store.get("ephemeral_key", key_id, param="key")
    return objects.change(key, expires=clock.now())
