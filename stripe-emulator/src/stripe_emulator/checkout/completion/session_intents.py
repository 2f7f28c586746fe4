"""The payment of a Checkout Session, and the bank's question about it."""

from __future__ import annotations

from stripe_emulator.core.database import store
from stripe_emulator.core.types import Json
from stripe_emulator.events import objects
from stripe_emulator.payments.confirming import challenges


def waits_for_bank(session: Json) -> str | None:
    """The URL of the bank's page that the customer has to see, if there is one."""
    intent = intent_of(session)
    if intent is None or intent["status"] != "requires_action":
        return None
    return challenges.url(intent)


def intent_of(session: Json) -> Json | None:
    """The session's PaymentIntent or SetupIntent, once somebody has tried to pay.

    A subscription's session shows none: its first invoice has it, or its trial's card.
    """
    if session.get("_intent"):
        return store.find(*session["_intent"])
    for field in ("payment_intent", "setup_intent"):
        if session[field]:
            return store.find(field, session[field])
    return None


def sync_intent(session: Json) -> None:
    """An intent that was made for a card since declined takes the session's new sum."""
    intent = intent_of(session)
    if intent and intent["object"] == "payment_intent" and intent["status"] == "requires_payment_method":
        objects.change(intent, amount=session["amount_total"])
