"""What can't be done to a payment intent in the state that it is in, in Stripe's words."""

from __future__ import annotations

from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import public

#: Verb -> the sentence, by the status that has one of its own.
ONE_STATUS = {
    ("confirm", "succeeded"): "You cannot confirm this PaymentIntent because it has already succeeded after"
    " being previously confirmed.",
    (
        "capture",
        "succeeded",
    ): "This PaymentIntent could not be captured because it has already been captured.",
}

#: Verb -> the sentence for any other status.
ANY_STATUS = {
    "cancel": "You cannot cancel this PaymentIntent because it has a status of {status}. Only a PaymentIntent"
    " with one of the following statuses may be canceled: requires_payment_method, requires_capture,"
    " requires_confirmation, requires_action, processing.",
    "capture": "This PaymentIntent could not be captured because it has a status of {status}. Only a"
    " PaymentIntent with one of the following statuses may be captured: requires_capture.",
    "confirm": "You cannot confirm this PaymentIntent because it has a status of {status}. Only a"
    " PaymentIntent with one of the following statuses may be confirmed: requires_confirmation,"
    " requires_action.",
    "increment": "This PaymentIntent's authorization could not be incremented because it has a status of"
    " {status}. Only a PaymentIntent with one of the following statuses may be incremented:"
    " requires_capture.",
    "update": "This PaymentIntent could not be updated because it has a status of {status}. Only its"
    " metadata, description and receipt_email may still be updated.",
}


def refusal(intent: Json, verb: str) -> InvalidRequest:
    """The error for a verb that the intent's status does not allow."""
    status = intent["status"]
    message = ONE_STATUS.get((verb, status)) or ANY_STATUS[verb].format(status=status)
    return InvalidRequest(message, code="payment_intent_unexpected_state", payment_intent=public(intent))
