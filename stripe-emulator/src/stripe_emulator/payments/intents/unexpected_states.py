"""What can't be done to a payment intent or a setup intent in the state that it is in, in Stripe's words."""

from __future__ import annotations

from collections.abc import Iterable

from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import public

#: (kind, verb, status) -> the sentence of a status that has one of its own.
ONE_STATUS = {
    ("payment_intent", "capture", "succeeded"): "This PaymentIntent could not be captured because it has"
    " already been captured.",
    ("payment_intent", "confirm", "succeeded"): "You cannot confirm this PaymentIntent because it has already"
    " succeeded after being previously confirmed.",
    ("setup_intent", "cancel", "canceled"): "You cannot cancel this SetupIntent because it is already"
    " canceled.",
    ("setup_intent", "confirm", "canceled"): "You cannot confirm this SetupIntent because it has been"
    " canceled.",
    ("setup_intent", "confirm", "succeeded"): "You cannot confirm this SetupIntent because it has already"
    " succeeded.",
    (
        "setup_intent",
        "update",
        "canceled",
    ): "You cannot update this SetupIntent because it has been canceled.",
    ("setup_intent", "update", "succeeded"): "You cannot update this SetupIntent because it has already"
    " succeeded.",
}

#: (kind, verb) -> the sentence for any other status.
ANY_STATUS = {
    ("payment_intent", "cancel"): "You cannot cancel this PaymentIntent because it has a status of {status}."
    " Only a PaymentIntent with one of the following statuses may be canceled: requires_payment_method,"
    " requires_capture, requires_confirmation, requires_action, processing.",
    ("payment_intent", "capture"): "This PaymentIntent could not be captured because it has a status of"
    " {status}. Only a PaymentIntent with one of the following statuses may be captured: requires_capture.",
    ("payment_intent", "confirm"): "You cannot confirm this PaymentIntent because it has a status of"
    " {status}. Only a PaymentIntent with one of the following statuses may be confirmed:"
    " requires_confirmation, requires_action.",
    ("payment_intent", "increment"): "This PaymentIntent's authorization could not be incremented because it"
    " has a status of {status}. Only a PaymentIntent with one of the following statuses may be incremented:"
    " requires_capture.",
    ("setup_intent", "cancel"): "You cannot cancel this SetupIntent because it has a status of {status}. Only"
    " a SetupIntent with one of the following statuses may be canceled: `requires_payment_method`,"
    " `requires_confirmation`, or `requires_action`.",
}

#: In which states a payment intent's parameters may change.
BEFORE_THE_BANK = ("requires_payment_method", "requires_confirmation", "requires_action")
BEFORE_THE_MONEY = (*BEFORE_THE_BANK, "requires_capture")

#: What the bank was asked about, and so stays as it was once it held or began to move the money.
ASKED_OF_THE_BANK = {"amount", "currency", "payment_method", "payment_method_data"}

#: What may be changed whatever became of the payment.
ALWAYS_CHANGED = {"description", "metadata", "receipt_email"}


def refusal(intent: Json, verb: str) -> InvalidRequest:
    """The error for a verb that the intent's status does not allow."""
    kind, status = intent["object"], intent["status"]
    message = ONE_STATUS.get((kind, verb, status)) or ANY_STATUS[kind, verb].format(status=status)
    return _error(intent, message)


def check_change(intent: Json, names: Iterable[str]) -> None:
    """Whether these parameters of a payment intent may still change.

    :raises InvalidRequest: One may not; the first is named.
    """
    status = intent["status"]
    for name in names:
        allowed = BEFORE_THE_BANK if name in ASKED_OF_THE_BANK else BEFORE_THE_MONEY
        if name not in ALWAYS_CHANGED and status not in allowed:
            message = (
                f"This PaymentIntent's {name} could not be updated because it has a status of {status}. You"
                f" may only update the {name} of a PaymentIntent with one of the following statuses:"
                f" {', '.join(allowed)}."
            )
            raise _error(intent, message, param=name)


def _error(intent: Json, message: str, param: str | None = None) -> InvalidRequest:
    kind = intent["object"]
    return InvalidRequest(message, code=f"{kind}_unexpected_state", param=param, **{kind: public(intent)})
