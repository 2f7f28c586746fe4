"""What the bank makes of a confirmed payment: money, a question to its customer, or no.

Payments of something larger (a Checkout Session, an invoice) name it in ``_owner``, and its
file hears of each turn as an ``IntentOwner``. ``server.load`` names the owners.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from stripe_emulator.api.register import Register
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import CardError
from stripe_emulator.core.time import clock, due_work
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import public
from stripe_emulator.events import events, objects
from stripe_emulator.payments.cards import declines
from stripe_emulator.payments.confirming import challenges, charges
from stripe_emulator.payments.methods import mandates, payment_methods
from stripe_emulator.payments.money_back import dispute_states, early_fraud_warnings

register = Register()


@dataclass(frozen=True)
class Confirmation:
    """One attempt: with which card, whether its holder is there, and where to go after the bank's page.

    ``error_on_action`` refuses where the bank has a question. ``by_sdk`` leaves the bank's page to
    stripe.js. ``acceptance`` is how the customer gave a mandate, ``mandate`` one that was given before.
    """

    method: Json
    off_session: bool = False
    return_url: str | None = None
    error_on_action: bool = False
    by_sdk: bool = False
    acceptance: Json | None = None
    mandate: Json | None = None


def _nothing(intent: Json) -> None:
    """An owner that has nothing to do at this turn."""


@dataclass(frozen=True)
class IntentOwner:
    """What a payment's owner does at each turn; all take the intent.

    ``approved`` comes before the money moves (a customer is made, a card is kept),
    ``succeeded`` and ``failed`` after their events; ``waiting`` where the customer has done their
    part, and the bank takes days or the money waits to be captured.
    """

    approved: Callable[[Json], None] = _nothing
    succeeded: Callable[[Json], None] = _nothing
    failed: Callable[[Json], None] = _nothing
    waiting: Callable[[Json], None] = _nothing


class Owners:
    """The owners that one kind of intent can have. ``server.load`` names them in one place, and once."""

    def __init__(self) -> None:
        self._by_object_name: dict[str, IntentOwner] = {}

    def are(self, by_object_name: dict[str, IntentOwner]) -> None:
        """Let each of these hear of its intents."""
        assert not self._by_object_name, "it has been said already who owns these intents"
        self._by_object_name = by_object_name

    def of(self, intent: Json) -> IntentOwner:
        """Whom the intent names in ``_owner: [object, id]``; without that, one who does nothing."""
        assert self._by_object_name, "these intents have no owners: call server.load.load() first"
        name = intent.get("_owner")
        return self._by_object_name[name[0]] if name else IntentOwner()


#: Who hears of a PaymentIntent.
OWNERS = Owners()


def confirm(intent: Json, how: Confirmation) -> Json:
    """Ask the bank; return the intent as it then is.

    :raises CardError: 402 with the intent inside. The attempt is recorded all the same.
    :raises InvalidRequest: A bank debit without a mandate.
    """
    method = how.method
    mandates.must_be_there(intent, method, how.acceptance, how.mandate)
    objects.change(
        intent,
        payment_method=method["id"],
        last_payment_error=None,
        next_action=None,
        status="requires_confirmation",
        _return_url=how.return_url,
        _acceptance=how.acceptance,
        _mandate=how.mandate and how.mandate["id"],
    )
    if _asks(intent, method, how.off_session):
        if how.error_on_action:
            raise refuse(
                intent, method, ("authentication_required", "authentication_required"), how.off_session
            )
        return _ask(intent, how)
    return _authorize(intent, method)


def challenged(intent: Json, passed: bool) -> Json:
    """The bank's customer answered on its page.

    :raises CardError: The bank declines after all.
    """
    method = store.get("payment_method", intent["payment_method"])
    objects.change(intent, next_action=None)
    if passed:
        return _authorize(intent, method, after_challenge=True)
    error = {
        "code": "payment_intent_authentication_failure",
        "message": declines.NOT_AUTHENTICATED,
        "payment_method": public(method),
        "type": "card_error",
    }
    _fail(intent, error)
    return intent


def refuse(intent: Json, method: Json, decline: tuple[str, str], charged: bool = True) -> CardError:
    """Record that the bank refused, and make the error for it.

    :param charged: A failed charge is left behind, as whenever the bank was asked for money.
    """
    code, decline_code = decline
    param = declines.PARAMS.get(code)
    error: Json = {
        "code": code,
        "decline_code": decline_code,
        "message": declines.MESSAGES[decline_code],
        **({"param": param} if param else {}),
        "payment_method": public(method),
        "type": "card_error",
    }
    if charged:
        charge = charges.make(intent, method, decline)
        objects.change(intent, latest_charge=charge["id"])
        error["charge"] = charge["id"]
    _fail(intent, error)
    extra = {key: error[key] for key in ("charge", "decline_code", "payment_method") if key in error}
    return CardError(error["message"], code=code, param=param, payment_intent=public(intent), **extra)


def cancel(intent: Json, reason: str | None) -> Json:
    """Call a payment off; what the bank holds is released."""
    if intent["status"] == "requires_capture":
        due_work.unschedule(intent["id"], "payment_intent.capture_expires")
        charges.release(store.get("charge", intent["latest_charge"]))
    return _canceled(intent, reason)


@register.due("payment_intent.capture_expires")
def capture_too_late(intent_id: str) -> None:
    """The bank no longer holds the money for the capture."""
    intent = store.get("payment_intent", intent_id)
    if intent["status"] == "requires_capture":
        charges.release(store.get("charge", intent["latest_charge"]), event="charge.expired")
        _canceled(intent, "automatic")


def _canceled(intent: Json, reason: str | None) -> Json:
    objects.change(
        intent,
        amount_capturable=0,
        canceled_at=clock.now(),
        cancellation_reason=reason,
        next_action=None,
        status="canceled",
    )
    events.emit("payment_intent.canceled", intent)
    return intent


def succeeded(intent: Json) -> None:
    """The money is there: the owner hears of it, and the charge goes on."""
    OWNERS.of(intent).succeeded(intent)
    charged(store.get("charge", intent["latest_charge"]))


def charged(charge: Json) -> None:
    """A charge took money: the bank of some test cards warns at once, or disputes it."""
    method = store.get("payment_method", charge["payment_method"])
    early_fraud_warnings.send_for_card(charge, method)
    dispute_states.open_for_card(charge, method)


def _authorize(intent: Json, method: Json, *, after_challenge: bool = False) -> Json:
    card = payment_methods.card_of(method)
    if card.decline:
        raise refuse(intent, method, card.decline)
    OWNERS.of(intent).approved(intent)
    _keep_card(intent, method, after_challenge)
    if method["customer"] is None:
        objects.change(method, _paid=True)
    objects.change(intent, _mandate=mandates.use(intent, method))
    if card.slow:
        return _wait(intent, method, card.clears_after)
    charge = charges.make(intent, method, None, authenticated=after_challenge)
    if intent["capture_method"] == "manual":
        objects.change(
            intent, amount_capturable=intent["amount"], latest_charge=charge["id"], status="requires_capture"
        )
        due_work.schedule(clock.now() + charges.HELD_FOR, "payment_intent.capture_expires", intent["id"])
        events.emit("payment_intent.amount_capturable_updated", intent)
        OWNERS.of(intent).waiting(intent)
        return intent
    objects.change(intent, amount_received=intent["amount"], latest_charge=charge["id"], status="succeeded")
    events.emit("payment_intent.succeeded", intent)
    succeeded(intent)
    return intent


def _wait(intent: Json, method: Json, seconds: int) -> Json:
    """A bank debit: nothing is known until the bank has looked."""
    charge = charges.make(intent, method, None, pending=True)
    objects.change(intent, latest_charge=charge["id"], status="processing")
    events.emit("payment_intent.processing", intent)
    OWNERS.of(intent).waiting(intent)
    due_work.schedule(clock.now() + seconds, "payment_intent.bank_answers", intent["id"])
    return intent


@register.due("payment_intent.bank_answers")
def bank_answered(intent_id: str) -> None:
    """The bank has looked: the account had the money, or not."""
    intent = store.get("payment_intent", intent_id)
    if intent["status"] != "processing":
        return
    method = store.get("payment_method", intent["payment_method"])
    answer_debit(intent, method, succeeds=payment_methods.card_of(method).slow == "succeeds")


def answer_debit(intent: Json, method: Json, *, succeeds: bool) -> None:
    """What the bank says of a debit that is processing: the money comes, or it does not."""
    charge = store.get("charge", intent["latest_charge"])
    if succeeds:
        charges.clear(charge, None)
        objects.change(intent, amount_received=intent["amount"], status="succeeded")
        events.emit("payment_intent.succeeded", intent)
        succeeded(intent)
        return
    message = "The customer's bank account has been closed, or has not enough money."
    charges.clear(charge, ("insufficient_funds", message))
    error = {
        "charge": charge["id"],
        "code": "payment_intent_payment_attempt_failed",
        "message": message,
        "payment_method": public(method),
        "type": "card_error",
    }
    _fail(intent, error)


def _asks(intent: Json, method: Json, off_session: bool) -> bool:
    """Whether the bank wants to see its customer for this payment."""
    options = (intent["payment_method_options"] or {}).get("card") or {}
    if options.get("request_three_d_secure") in ("any", "challenge"):
        return payment_methods.card_of(method).takes_3ds
    return wants_its_holder(method, off_session=off_session)


def wants_its_holder(method: Json, *, off_session: bool = False) -> bool:
    """Whether the bank of this card asks, whatever the payment."""
    asks = payment_methods.card_of(method).asks
    if asks == "on_session":
        return not off_session
    return asks == "always" or (asks == "once" and not method.get("_authenticated"))


def _ask(intent: Json, how: Confirmation) -> Json:
    action = challenges.next_action(intent, how.return_url, by_sdk=how.by_sdk)
    objects.change(intent, next_action=action, status="requires_action")
    events.emit("payment_intent.requires_action", intent)
    return intent


def _keep_card(intent: Json, method: Json, after_challenge: bool) -> None:
    """``setup_future_usage``: the card stays with the customer, as known to its bank."""
    if intent["setup_future_usage"] is None or intent["customer"] is None:
        return
    if after_challenge and intent["setup_future_usage"] == "off_session":
        objects.change(method, _authenticated=True)
    payment_methods.attach_to(method, store.get("customer", intent["customer"]))


def _fail(intent: Json, error: Json) -> None:
    objects.change(
        intent,
        last_payment_error=error,
        next_action=None,
        payment_method=None,
        status="requires_payment_method",
    )
    events.emit("payment_intent.payment_failed", intent)
    OWNERS.of(intent).failed(intent)
