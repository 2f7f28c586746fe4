"""Checkout Sessions in setup mode: a card is saved, and nothing is paid.

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
from stripe_emulator.events import objects
from stripe_emulator.payments.confirming import setup_confirmation
from stripe_emulator.payments.confirming.confirmation import Confirmation, IntentOwner
from stripe_emulator.payments.intents import setup_intents
from stripe_emulator.payments.methods import mandates


def _prepare(session: Json, form: Form) -> None:
    if form.get("line_items"):
        raise InvalidRequest("You cannot pass `line_items` in `setup` mode.", param="line_items")
    if not session["currency"] and not (
        form.get("payment_method_types") or form.get("allowed_payment_method_types")
    ):
        raise InvalidRequest("Missing required param: currency.", code="parameter_missing", param="currency")
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


def _complete(session: Json, payer: Payer) -> None:
    intent = store.get("setup_intent", session["setup_intent"])
    back = session_urls.page(session, "/back")
    how = Confirmation(payer.method, return_url=back, acceptance=mandates.on_our_page(payer.method))
    setup_confirmation.confirm(intent, how)


def _approved(intent: Json) -> None:
    session = store.get(KIND, intent["_owner"][1])
    if session["customer"] is None and session["customer_creation"] == "always":
        objects.change(intent, customer=session_payer.ensure_customer(session)["id"])
    session_payer.mark_kept(store.get("payment_method", intent["payment_method"]), session)


def _succeeded(intent: Json) -> None:
    session = store.get(KIND, intent["_owner"][1])
    if session["status"] == "open":
        completion.finish(session, payment_status="no_payment_required")


SETUP = Mode(_prepare, _complete)

#: A session as the owner of the setup of a card.
OWNER = IntentOwner(approved=_approved, succeeded=_succeeded)
