"""Who is in the portal, and what is theirs; what all pages of the portal share."""

from __future__ import annotations

from stripe_emulator.billing.lifecycle import states
from stripe_emulator.billing.portal.billing_portal import CONFIGURATION, SESSION
from stripe_emulator.billing.subscriptions import updates
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import NotFound
from stripe_emulator.core.time import clock
from stripe_emulator.core.types import Json
from stripe_emulator.events import objects

#: How long a link stays good, in seconds.
LIVES = 24 * 3600

RUNNING = ["active", "trialing", "past_due", "unpaid", "paused"]


def find(session_id: str, feature: str | None = None) -> Json:
    """The portal session behind a link.

    :raises NotFound: There is none, it is over, or it does not offer the feature.
    """
    session = store.find(SESSION, session_id)
    offered = session is not None and (feature is None or features(session)[feature]["enabled"])
    if session is None or not offered or session["created"] + LIVES < clock.now():
        raise NotFound("This link is no longer good. Go back to the shop and open the portal again.")
    clock.live_with(store.get("customer", session["customer"]))
    return session


def features(session: Json) -> Json:
    """What the session's configuration offers."""
    offered: Json = store.get(CONFIGURATION, session["configuration"])["features"]
    return offered


def own(kind: str, object_id: str, session: Json) -> Json:
    """An object of the customer's.

    :raises NotFound: It is somebody else's, or there is none.
    """
    value = store.get(kind, object_id)
    if value.get("customer") != session["customer"]:
        raise NotFound("There is no such thing in this portal.")
    return value


def subscriptions(session: Json) -> list[Json]:
    """The customer's plans that run."""
    return store.select("subscription", {"customer": session["customer"], "status": RUNNING})


def make_default(method: Json, session: Json) -> None:
    """Charge a card for what comes, and for the plans that have a card of their own."""
    customer = store.get("customer", session["customer"])
    settings = customer["invoice_settings"] | {"default_payment_method": method["id"]}
    objects.change(customer, "customer.updated", invoice_settings=settings)
    for subscription in subscriptions(session):
        if subscription["default_payment_method"]:
            update(subscription, {"default_payment_method": method["id"]})


def update(subscription: Json, wanted: Json) -> None:
    """Change a plan as the customer asks."""
    states.must_be_changeable(subscription, wanted)
    updates.update(subscription, wanted)


def shown(subscription: Json) -> Json:
    """A subscription with the name and the price of each item."""
    items = subscription["items"]["data"]
    named = [
        {"name": store.get("product", item["price"]["product"])["name"], "price": item["price"], **item}
        for item in items
    ]
    return {**subscription, "named": named, "ends": items[0]["current_period_end"]}
