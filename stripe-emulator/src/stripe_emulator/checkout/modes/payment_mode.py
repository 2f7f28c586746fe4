"""Checkout Sessions in payment mode: one payment, by card or by a bank debit that takes days.

https://docs.stripe.com/api/checkout/sessions/create#create_checkout_session-mode
"""

from __future__ import annotations

from stripe_emulator.checkout.completion import completion, session_payer, session_urls
from stripe_emulator.checkout.completion.completion import KIND
from stripe_emulator.checkout.completion.session_payer import Payer
from stripe_emulator.checkout.modes.mode import Mode
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.events import events, objects
from stripe_emulator.payments.confirming import confirmation
from stripe_emulator.payments.confirming.confirmation import Confirmation, IntentOwner
from stripe_emulator.payments.intents import payment_intents
from stripe_emulator.payments.methods import mandates


def _prepare(session: Json, form: Form) -> None:
    if any(line["price"]["recurring"] for line in session["_lines"]):
        raise InvalidRequest(
            "You specified `payment` mode but passed a recurring price. Either switch to `subscription`"
            " mode or use only one-time prices.",
            param="line_items",
        )
    creation = form.get("customer_creation", "if_required")
    objects.change(session, customer_creation=None if session["customer"] else creation)


def _complete(session: Json, payer: Payer) -> None:
    if session["amount_total"] == 0:
        if session_payer.makes_customer(session):
            session_payer.ensure_customer(session)
        completion.finish(session, payment_status="no_payment_required")
        return
    intent = _intent_for(session, payer)
    back = session_urls.page(session, "/back")
    how = Confirmation(payer.method, return_url=back, acceptance=mandates.on_our_page(payer.method))
    confirmation.confirm(intent, how)


def _intent_for(session: Json, payer: Payer) -> Json:
    """The session's one intent: after a declined card, the next is tried on the same."""
    data = session["_payment_intent_data"] or {}
    keeps: Json = (
        {"setup_future_usage": "off_session"} if payer.keep and "setup_future_usage" not in data else {}
    )
    if shipping := session["_payer"]["shipping"]:
        keeps["shipping"] = shipping | {"phone": session["_payer"]["phone"]}
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


def _approved(intent: Json) -> None:
    """The bank agrees: whoever is to be remembered becomes a customer before the money moves."""
    session = store.get(KIND, intent["_owner"][1])
    wanted = session_payer.makes_customer(session) or intent["setup_future_usage"]
    if session["customer"] is None and wanted:
        objects.change(intent, customer=session_payer.ensure_customer(session)["id"])
    if intent["setup_future_usage"]:
        session_payer.mark_kept(store.get("payment_method", intent["payment_method"]), session)


def _succeeded(intent: Json) -> None:
    """Complete an open session; announce the money of one that waited for it."""
    session = store.get(KIND, intent["_owner"][1])
    if session["status"] == "complete":
        objects.change(session, payment_status="paid")
        captured = intent["capture_method"] == "manual"
        completion.announce(session, None if captured else "checkout.session.async_payment_succeeded")
    elif session["status"] == "open":
        completion.finish(session, payment_status="paid")


def _waits(intent: Json) -> None:
    """The customer has done their part; the money comes later, from the bank or by being captured."""
    completion.finish(store.get(KIND, intent["_owner"][1]), payment_status="unpaid")


def _failed(intent: Json) -> None:
    """A failure at once leaves the session open; one after days is an event."""
    session = store.get(KIND, intent["_owner"][1])
    if session["status"] == "complete":
        events.emit("checkout.session.async_payment_failed", session)


PAYMENT = Mode(_prepare, _complete)

#: A session as the owner of its payment.
OWNER = IntentOwner(_approved, _succeeded, _failed, _waits)
