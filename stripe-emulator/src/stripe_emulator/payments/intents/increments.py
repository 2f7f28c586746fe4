"""More is held of a card than at first, before it is captured.

https://docs.stripe.com/payments/incremental-authorization
"""

from __future__ import annotations

from stripe_emulator.api.register import Register
from stripe_emulator.core import descriptors, money
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.events import events, objects
from stripe_emulator.payments.confirming import charges
from stripe_emulator.payments.intents import intent_forms, unexpected_states

register = Register()

MAX_INCREMENTS = 10


@register.post("/v1/payment_intents/{intent}/increment_authorization")
def increment(form: Form, intent_id: str) -> Json:
    """https://docs.stripe.com/api/payment_intents/increment_authorization; ``amount`` is the new sum."""
    intent = store.get("payment_intent", intent_id, param="intent")
    intent_forms.refuse_connect(form)
    descriptors.check(form.get("statement_descriptor"), "statement_descriptor")
    if intent["status"] != "requires_capture":
        raise unexpected_states.refusal(intent, "increment")
    charge = store.get("charge", intent["latest_charge"])
    if not charges.can_be_incremented(charge):
        raise InvalidRequest(
            "This PaymentIntent's authorization can't be incremented. Ask for it with"
            " `payment_method_options[card][request_incremental_authorization]` set to `if_available`, and"
            " take a card of a network that has it.",
            code="payment_intent_unexpected_state",
        )
    done = intent.get("_increments", 0)
    if done >= MAX_INCREMENTS:
        raise InvalidRequest(
            f"The authorization of a PaymentIntent can be incremented up to {MAX_INCREMENTS} times.",
            code="payment_intent_unexpected_state",
        )
    amount: int = form["amount"]
    if amount <= intent["amount"]:
        raise InvalidRequest(
            f"The amount must be greater than the one that is authorized ({intent['amount']}).",
            param="amount",
        )
    money.check_charge(amount, intent["currency"])
    changes = objects.patch(
        intent, form, ("amount_details", "description", "payment_details", "statement_descriptor")
    )
    charges.hold_more(charge, amount)
    objects.change(intent, **changes, amount=amount, amount_capturable=amount, _increments=done + 1)
    events.emit("payment_intent.amount_capturable_updated", intent)
    return intent
