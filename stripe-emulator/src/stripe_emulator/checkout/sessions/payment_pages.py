"""Payment pages: Checkout as Stripe's own programs call it, the Stripe CLI among them. Not documented."""

from __future__ import annotations

from stripe_emulator.api.expand import render
from stripe_emulator.api.register import Register
from stripe_emulator.checkout.completion import completion, session_intents
from stripe_emulator.checkout.completion.session_payer import Payer
from stripe_emulator.checkout.sessions import paying
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.payments.methods import payment_methods

register = Register()


@register.get("/v1/payment_pages/{session}", publishable=True, documented=False)
def retrieve(form: Form, session_id: str) -> Json:
    """What a page has to show."""
    return _page(store.get(completion.KIND, session_id, param="session"))


@register.post("/v1/payment_pages/{session}/confirm", publishable=True, documented=False)
def confirm(form: Form, session_id: str) -> Json:
    """Pay with a payment method, if the sum is the one that was shown."""
    session = store.get(completion.KIND, session_id, param="session")
    expected = form.get("expected_amount")
    if expected is not None and str(expected) != str(session["amount_total"] or 0):
        raise InvalidRequest(
            f"The page's total has changed to {session['amount_total']}; {expected} was expected.",
            code="checkout_amount_mismatch",
            param="expected_amount",
        )
    method = payment_methods.named(str(form.get("payment_method", "")), "payment_method")
    details = method["billing_details"]
    paying.pay(session, Payer(method, details["email"] or "customer@example.com", details["name"]))
    return _page(session)


def _page(session: Json) -> Json:
    intent = session_intents.intent_of(session)
    return render(session) | {
        "line_item_group": {
            "currency": session["currency"],
            "due": session["amount_total"] or 0,
            "line_items": session["_lines"],
            "subtotal": session["amount_subtotal"] or 0,
            "total": session["amount_total"] or 0,
        },
        "next_action_url": session_intents.waits_for_bank(session),
        "payment_intent": intent["id"] if intent and intent["object"] == "payment_intent" else None,
        "session_id": session["id"],
    }
