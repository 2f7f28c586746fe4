"""What becomes of a Checkout Session: it is complete, paid later, or expired.

What its customer does to get there is in ``sessions.paying``, by its mode.
"""

from __future__ import annotations

from stripe_emulator.api.register import Register
from stripe_emulator.checkout.completion import invoice_creation, session_intents, session_payer
from stripe_emulator.checkout.lines import session_discounts
from stripe_emulator.core import ids
from stripe_emulator.core.database import store
from stripe_emulator.core.time import due_work
from stripe_emulator.core.types import Json
from stripe_emulator.events import events, objects
from stripe_emulator.payments.confirming import confirmation
from stripe_emulator.payments.intents import payment_intents, setup_intents

register = Register()

KIND = "checkout.session"


def finish(session: Json, *, payment_status: str = "paid") -> None:
    """All that the customer came for is done: complete the session, with its event."""
    payer = session.get("_payer") or {}
    customer = store.find("customer", session["customer"]) if session["customer"] else None
    known = customer or {}
    email = session["customer_email"] or known.get("email") or payer.get("email")
    due_work.unschedule(session["id"], "checkout.session.expire")
    if shipping := payer.get("shipping"):
        collected = {**session["collected_information"], "shipping_details": shipping}
        objects.change(session, collected_information=collected)
    if customer:
        session_payer.note_payer(session, customer)
    objects.change(
        session,
        customer_details={
            "address": payer.get("address") or known.get("address"),
            "business_name": payer.get("business_name"),
            "email": email,
            "individual_name": None,
            "name": payer.get("business_name") or payer.get("name") or known.get("name"),
            "phone": payer.get("phone") or known.get("phone"),
            "tax_exempt": known.get("tax_exempt", "none"),
            "tax_ids": [payer["tax_id"]] if payer.get("tax_id") else [],
        },
        payment_status=payment_status,
        status="complete",
        url=None,
    )
    session_discounts.redeem(session)
    announce(session, "checkout.session.completed")


def announce(session: Json, event: str | None) -> None:
    """Announce that a session is complete, or paid since. The event names the invoice that comes next.

    :param event: None where Stripe has none: the money was captured.
    """
    paid = session["payment_status"] != "unpaid"
    invoiced = paid and invoice_creation.wants_invoice(session) and not _is_customer_gone(session)
    if invoiced:
        objects.change(session, invoice=ids.new("invoice"))
    if event is not None:
        events.emit(event, session)
    if invoiced:
        invoice_creation.make(session)


def _is_customer_gone(session: Json) -> bool:
    """Whether the customer was deleted meanwhile: nobody is left to be sent an invoice."""
    return bool(session["customer"] and store.get("customer", session["customer"]).get("deleted"))


def expire(session: Json) -> Json:
    """Close an open session unpaid."""
    due_work.unschedule(session["id"], "checkout.session.expire")
    objects.change(session, status="expired", url=None)
    intent = session_intents.intent_of(session)
    if intent and intent["object"] == "setup_intent" and intent["status"] in setup_intents.OPEN:
        setup_intents.call_off(intent, "abandoned")
    elif intent and intent["object"] == "payment_intent" and intent["status"] in payment_intents.MAY_CANCEL:
        confirmation.cancel(intent, "automatic")
    events.emit("checkout.session.expired", session)
    return session


@register.due("checkout.session.expire")
def expire_unpaid(session_id: str) -> None:
    """Nobody paid in time."""
    session = store.get(KIND, session_id)
    if session["status"] == "open":
        expire(session)
