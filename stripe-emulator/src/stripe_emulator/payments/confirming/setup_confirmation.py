"""Saving a card for later: what the bank makes of a confirmed SetupIntent.

What owns one (a Checkout Session, a subscription with a trial) names itself in ``_owner`` and
hears of each turn as an ``Owner``. ``server.load`` names the owners.
"""

from __future__ import annotations

from stripe_emulator.core.database import store
from stripe_emulator.core.errors import CardError, InvalidRequest
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import public
from stripe_emulator.events import events, objects
from stripe_emulator.payments.cards import declines
from stripe_emulator.payments.confirming import challenges
from stripe_emulator.payments.confirming.confirmation import Confirmation, Owners
from stripe_emulator.payments.methods import mandates, payment_methods

#: Who hears of a SetupIntent.
OWNERS = Owners()


def confirm(intent: Json, how: Confirmation) -> Json:
    """Ask the bank to keep the card; return the intent as it then is.

    :raises CardError: 402 with the intent inside. The attempt is recorded all the same.
    :raises InvalidRequest: A bank debit without a mandate, or a card that should have one for a single use.
    """
    method = how.method
    mandates.must_be_there(intent, method, how.acceptance, how.mandate)
    if intent.get("_single_use") and method["type"] not in mandates.DEBITS:
        raise InvalidRequest(
            f"A `single_use` mandate can't be set up with a payment method of type {method['type']}.",
            param="single_use",
        )
    objects.change(
        intent,
        payment_method=method["id"],
        last_setup_error=None,
        next_action=None,
        status="requires_confirmation",
        _return_url=how.return_url,
        _acceptance=how.acceptance,
    )
    if payment_methods.card_of(method).asks in ("once", "always") and not method.get("_authenticated"):
        action = challenges.next_action(intent, how.return_url, by_sdk=how.by_sdk)
        objects.change(intent, next_action=action, status="requires_action")
        events.emit("setup_intent.requires_action", intent)
        return intent
    return _authorize(intent, method)


def challenged(intent: Json, passed: bool) -> Json:
    """The bank's customer answered on its page.

    :raises CardError: The bank declines after all.
    """
    method = store.get("payment_method", intent["payment_method"])
    objects.change(intent, next_action=None)
    if passed:
        objects.change(method, _authenticated=True)
        return _authorize(intent, method)
    _fail(
        intent,
        method,
        {
            "code": "setup_intent_authentication_failure",
            "message": declines.NOT_AUTHENTICATED,
        },
    )
    return intent


def _authorize(intent: Json, method: Json) -> Json:
    card = payment_methods.card_of(method)
    if card.decline and card.refuses_setup:
        code, decline_code = card.decline
        message = declines.MESSAGES[decline_code]
        _fail(intent, method, {"code": code, "decline_code": decline_code, "message": message})
        raise CardError(
            message,
            code=code,
            param=declines.PARAMS.get(code),
            decline_code=decline_code,
            payment_method=public(method),
            setup_intent=public(intent),
        )
    OWNERS.of(intent).approved(intent)
    if intent["customer"]:
        payment_methods.attach_to(method, store.get("customer", intent["customer"]))
    attempt = _attempt(intent, method, "succeeded", None)
    given = mandates.give(intent, method)
    objects.change(intent, latest_attempt=attempt["id"], status="succeeded", **given)
    events.emit("setup_intent.succeeded", intent)
    OWNERS.of(intent).succeeded(intent)
    return intent


def _fail(intent: Json, method: Json, why: Json) -> None:
    error = {**why, "payment_method": public(method), "type": "card_error"}
    attempt = _attempt(intent, method, "failed", error)
    objects.change(
        intent,
        last_setup_error=error,
        latest_attempt=attempt["id"],
        next_action=None,
        payment_method=None,
        status="requires_payment_method",
    )
    events.emit("setup_intent.setup_failed", intent)
    OWNERS.of(intent).failed(intent)


def _attempt(intent: Json, method: Json, status: str, error: Json | None) -> Json:
    """The record of one try. https://docs.stripe.com/api/setup_attempts/object"""
    details: Json = {}
    if method["type"] == "card":
        card = method["card"]
        kept = ("brand", "checks", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4")
        details = {key: card[key] for key in kept}
        details |= {"network": card["brand"], "three_d_secure": None, "wallet": None}
    return objects.create(
        "setup_attempt",
        customer=intent["customer"],
        payment_method=method["id"],
        payment_method_details={"type": method["type"], method["type"]: details},
        setup_error=error,
        setup_intent=intent["id"],
        status=status,
        usage=intent["usage"],
    )
