"""The customer of a Checkout Session presses the button, on the page or in a test."""

from __future__ import annotations

from stripe_emulator.checkout.completion import session_intents
from stripe_emulator.checkout.completion.session_payer import Payer
from stripe_emulator.checkout.lines import session_discounts, shipping
from stripe_emulator.checkout.modes import payment_mode, setup_mode, subscription_mode
from stripe_emulator.checkout.sessions import custom_fields, payer_questions
from stripe_emulator.checkout.tax import taxes
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.types import Json
from stripe_emulator.events import objects
from stripe_emulator.payments.customers import tax_id_formats
from stripe_emulator.payments.methods import method_currencies

#: What a session does, by its ``mode``.
MODES = {
    "payment": payment_mode.PAYMENT,
    "setup": setup_mode.SETUP,
    "subscription": subscription_mode.SUBSCRIPTION,
}


def pay(session: Json, payer: Payer) -> Json:
    """Do what the customer came for; return the session as it then is.

    It is complete, or waits for the bank's page: then its intent's ``next_action`` says where.

    :raises CardError: The bank said no. The session stays open for another try.
    :raises InvalidRequest: It is not open any more, or its discount can't be used any more.
    """
    if session["status"] != "open":
        raise InvalidRequest(
            f"This Checkout Session is {session['status']}; only an open one can be paid.",
            code="checkout_session_not_open",
        )
    session_discounts.check(session)
    if session["customer"] is None and not (payer.email or session["customer_email"]):
        raise InvalidRequest("Your email is missing.", code="email_invalid", param="email")
    if payer_questions.asks_terms(session):
        if not payer.accepts_terms:
            raise InvalidRequest("Accept the terms of service to go on.", param="terms_of_service")
        objects.change(session, consent={"promotions": None, "terms_of_service": "accepted"})
    _must_take(session, payer.method)
    details: Json = {"email": payer.email, "name": payer.name, "keep": payer.keep}
    details["phone"] = payer.phone if payer_questions.asks_phone(session) else None
    details["address"] = payer.address
    asks_tax_id = payer_questions.asks_tax_id(session)
    details["tax_id"] = payer.tax_id if asks_tax_id else None
    details["business_name"] = payer.business_name if asks_tax_id else None
    if payer.tax_id and asks_tax_id:
        tax_id_formats.check(payer.tax_id["type"], payer.tax_id["value"], "tax_id")
    details["shipping"] = shipping.address(session, payer.name, payer.shipping)
    filled = custom_fields.filled(session, payer.custom_fields or {})
    objects.change(session, _payer=details, custom_fields=filled)
    if taxes.is_automatic(session) and session["_lines"]:
        taxes.locate(session)
        session_discounts.apply(session)
        session_intents.sync_intent(session)
    MODES[session["mode"]].complete(session, payer)
    return session


def _must_take(session: Json, method: Json) -> None:
    """:raises InvalidRequest: The page does not offer this kind of payment method."""
    kind = method.get("type")
    if kind is None:
        return  # nothing is due, and nothing was asked for
    if session["currency"] and session["mode"] != "setup":
        method_currencies.check_session([kind], session["currency"])
    allowed = session.get("allowed_payment_method_types") or [kind]
    if kind not in allowed or kind in (session.get("excluded_payment_method_types") or []):
        raise InvalidRequest(
            f"This Checkout Session does not take the payment method `{kind}`.", param="payment_method_types"
        )
