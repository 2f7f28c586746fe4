"""What a Checkout Session does in payment mode and in setup mode.

Subscription mode is at home with subscriptions.
"""

from __future__ import annotations

from stripe_emulator.checkout import completion
from stripe_emulator.checkout.completion import KIND
from stripe_emulator.checkout.mode import Mode, Payer
from stripe_emulator.core import store
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.events import events, objects
from stripe_emulator.payments import confirmation, payment_intents, setup_confirmation, setup_intents
from stripe_emulator.payments.confirmation import Confirmation, Owner


def _prepare_payment(session: Json, form: Form) -> None:
    if any(line["price"]["recurring"] for line in session["_lines"]):
        raise InvalidRequest(
            "You specified `payment` mode but passed a recurring price. Either switch to `subscription`"
            " mode or use only one-time prices.",
            param="line_items",
        )
    creation = form.get("customer_creation", "if_required")
    objects.change(session, customer_creation=None if session["customer"] else creation)


def _complete_payment(session: Json, payer: Payer) -> None:
    if session["amount_total"] == 0:
        if completion.makes_customer(session):
            completion.ensure_customer(session)
        completion.finish(session, payment_status="no_payment_required")
        return
    intent = _intent_for(session, payer)
    confirmation.confirm(intent, Confirmation(payer.method, return_url=completion.page(session, "/back")))


def _intent_for(session: Json, payer: Payer) -> Json:
    """The session's one intent: after a declined card, the next is tried on the same."""
    data = session["_payment_intent_data"] or {}
    keeps = {"setup_future_usage": "off_session"} if payer.keep and "setup_future_usage" not in data else {}
    if session["payment_intent"]:
        return objects.change(store.get("payment_intent", session["payment_intent"]), **keeps)
    form = data | keeps | {"amount": session["amount_total"], "currency": session["currency"]}
    form["payment_method_options"] = session["payment_method_options"]
    for name in ("allowed_payment_method_types", "excluded_payment_method_types"):
        if session.get(name):
            form[name] = session[name]
    if session["customer"]:
        form["customer"] = session["customer"]
    intent = payment_intents.new(form)
    objects.change(intent, _owner=[KIND, session["id"]])
    objects.change(session, payment_intent=intent["id"])
    return intent


def _payment_approved(intent: Json) -> None:
    """The bank agrees: whoever is to be remembered becomes a customer before the money moves."""
    session = store.get(KIND, intent["_owner"][1])
    wanted = completion.makes_customer(session) or intent["setup_future_usage"]
    if session["customer"] is None and wanted:
        objects.change(intent, customer=completion.ensure_customer(session)["id"])
    if intent["setup_future_usage"]:
        _mark_kept(store.get("payment_method", intent["payment_method"]), session)


def _prepare_setup(session: Json, form: Form) -> None:
    if form.get("line_items"):
        raise InvalidRequest("You cannot pass `line_items` in `setup` mode.", param="line_items")
    creation = form.get("customer_creation", "if_required")
    data = {
        key: value for key, value in (form.get("setup_intent_data") or {}).items() if key != "on_behalf_of"
    }
    if session["customer"]:
        data["customer"] = session["customer"]
    intent = setup_intents.new(data)
    objects.change(intent, _owner=[KIND, session["id"]])
    objects.change(
        session,
        customer_creation=None if session["customer"] else creation,
        payment_status="no_payment_required",
        setup_intent=intent["id"],
    )


def _complete_setup(session: Json, payer: Payer) -> None:
    intent = store.get("setup_intent", session["setup_intent"])
    setup_confirmation.confirm(
        intent, Confirmation(payer.method, return_url=completion.page(session, "/back"))
    )


def _setup_approved(intent: Json) -> None:
    session = store.get(KIND, intent["_owner"][1])
    if session["customer"] is None and session["customer_creation"] == "always":
        objects.change(intent, customer=completion.ensure_customer(session)["id"])
    _mark_kept(store.get("payment_method", intent["payment_method"]), session)


def _mark_kept(method: Json, session: Json) -> None:
    """Whether the card is offered on the next page: only if its owner ticked the box, or came to save it."""
    if method["allow_redisplay"] == "unspecified":
        wants_it_kept = session["_payer"]["keep"] or session["mode"] == "setup"
        objects.change(method, allow_redisplay="always" if wants_it_kept else "limited")


def _payment_waits(intent: Json) -> None:
    """The customer has done their part; the money comes later, from the bank or by being captured."""
    completion.finish(store.get(KIND, intent["_owner"][1]), payment_status="unpaid")


def _payment_failed(intent: Json) -> None:
    """A failure at once leaves the session open; one after days is an event."""
    session = store.get(KIND, intent["_owner"][1])
    if session["status"] == "complete":
        events.emit("checkout.session.async_payment_failed", session)


def _finished(intent: Json) -> None:
    session = store.get(KIND, intent["_owner"][1])
    if session["status"] == "complete":
        objects.change(session, payment_status="paid")
        captured = intent["capture_method"] == "manual"
        completion.announce(session, None if captured else "checkout.session.async_payment_succeeded")
    elif session["status"] == "open":
        completion.finish(
            session, payment_status="paid" if session["mode"] == "payment" else "no_payment_required"
        )


PAYMENT = Mode(_prepare_payment, _complete_payment)
SETUP = Mode(_prepare_setup, _complete_setup)

#: A session as the owner of its payment, and of the setup of a card.
PAYMENT_OWNER = Owner(_payment_approved, _finished, _payment_failed, _payment_waits)
SETUP_OWNER = Owner(approved=_setup_approved, succeeded=_finished)
