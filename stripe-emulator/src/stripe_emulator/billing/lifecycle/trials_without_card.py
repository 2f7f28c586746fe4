"""A trial without a card: a setup intent waits for one, so that its end can be paid.

https://docs.stripe.com/api/subscriptions/object#subscription_object-pending_setup_intent
"""

from __future__ import annotations

from stripe_emulator.billing.invoices import collection
from stripe_emulator.billing.lifecycle import states
from stripe_emulator.core.database import store
from stripe_emulator.core.types import Json
from stripe_emulator.events import objects
from stripe_emulator.payments.confirming.confirmation import IntentOwner
from stripe_emulator.payments.intents import setup_intents


def ask(subscription: Json) -> None:
    """Make the setup intent, unless a card is there already."""
    customer = store.get("customer", subscription["customer"])
    if collection.default_method(subscription, customer) is not None:
        return
    intent = setup_intents.new({"customer": customer["id"], "usage": "off_session"})
    objects.change(intent, _owner=["subscription", subscription["id"]])
    objects.change(subscription, pending_setup_intent=intent["id"])


def _saved(intent: Json) -> None:
    """The card was given: the subscription is paid with it."""
    subscription = store.get("subscription", intent["_owner"][1])
    if subscription["status"] not in states.ENDED:
        method = intent["payment_method"]
        states.change(subscription, default_payment_method=method, pending_setup_intent=None)


#: A subscription as the owner of the setup of its trial's card.
OWNER = IntentOwner(succeeded=_saved)
