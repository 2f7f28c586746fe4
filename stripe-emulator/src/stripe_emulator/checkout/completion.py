"""What becomes of a Checkout Session: it is complete, paid later, or expired.

What its customer does to get there is in ``paying``, by its mode.
"""

from __future__ import annotations

from stripe_emulator.api.register import Register
from stripe_emulator.checkout import invoice_creation, session_discounts
from stripe_emulator.core import due_work, ids, store, transactions
from stripe_emulator.core.types import Json
from stripe_emulator.events import events, objects
from stripe_emulator.payments import (
    challenges,
    confirmation,
    customers,
    payment_intents,
    setup_intents,
    tax_ids,
)

register = Register()

KIND = "checkout.session"


def asks_terms(session: Json) -> bool:
    """Whether the customer has to accept the shop's terms of service."""
    return (session["consent_collection"] or {}).get("terms_of_service") == "required"


def asks_phone(session: Json) -> bool:
    """Whether the customer has to give a phone number."""
    return bool((session["phone_number_collection"] or {}).get("enabled"))


def asks_address(session: Json) -> bool:
    """Whether the customer has to give a billing address: asked for, or needed to find the tax."""
    if session["billing_address_collection"] == "required":
        return True
    if not (session.get("automatic_tax") or {}).get("enabled"):
        return False
    customer = store.find("customer", session["customer"]) if session["customer"] else None
    return not (customer or {}).get("address")


def asks_tax_id(session: Json) -> bool:
    """Whether the customer may give a tax id, and the business that it belongs to."""
    return bool((session.get("tax_id_collection") or {}).get("enabled"))


def waits_for_bank(session: Json) -> str | None:
    """The URL of the bank's page that the customer has to see, if there is one."""
    intent = intent_of(session)
    if intent is None or intent["status"] != "requires_action":
        return None
    return challenges.url(intent)


def intent_of(session: Json) -> Json | None:
    """The session's PaymentIntent or SetupIntent, once somebody has tried to pay.

    A subscription's session shows none: its first invoice has it, or its trial's card.
    """
    if session.get("_intent"):
        return store.find(*session["_intent"])
    for field in ("payment_intent", "setup_intent"):
        if session[field]:
            return store.find(field, session[field])
    return None


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
        note_payer(session, customer)
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


def note_payer(session: Json, customer: Json) -> None:
    """Write down at the customer what the payer has filled in and the session lets it have. Once."""
    payer = session.get("_payer") or {}
    updates = {name: payer[name] for name in session["_updates"] if payer.get(name)}
    if payer.get("business_name") and "name" in session["_updates"]:
        updates["name"] = payer["business_name"]
    if any(customer.get(name) != value for name, value in updates.items()):
        objects.change(customer, "customer.updated", **updates)
    if payer.get("tax_id") and payer["tax_id"] not in tax_ids.shown_on_invoices(customer):
        tax_ids.new(payer["tax_id"], customer)


def announce(session: Json, event: str | None) -> None:
    """Announce that a session is complete, or paid since. The event names the invoice that comes next.

    :param event: None where Stripe has none: the money was captured.
    """
    paid = session["payment_status"] != "unpaid"
    invoiced = paid and wants_invoice(session) and not _is_customer_gone(session)
    if invoiced:
        objects.change(session, invoice=ids.new("invoice"))
    if event is not None:
        events.emit(event, session)
    if invoiced:
        invoice_creation.make(session)


def _is_customer_gone(session: Json) -> bool:
    """Whether the customer was deleted meanwhile: nobody is left to be sent an invoice."""
    return bool(session["customer"] and store.get("customer", session["customer"]).get("deleted"))


def wants_invoice(session: Json) -> bool:
    """Whether an invoice is made of the payment."""
    return bool((session["invoice_creation"] or {}).get("enabled"))


def makes_customer(session: Json) -> bool:
    """Whether whoever pays becomes a customer, also if no card is kept."""
    return session["customer_creation"] == "always" or wants_invoice(session)


def sync_intent(session: Json) -> None:
    """An intent that was made for a card since declined takes the session's new sum."""
    intent = intent_of(session)
    if intent and intent["object"] == "payment_intent" and intent["status"] == "requires_payment_method":
        objects.change(intent, amount=session["amount_total"])


def expire(session: Json) -> Json:
    """Close an open session unpaid."""
    due_work.unschedule(session["id"], "checkout.session.expire")
    objects.change(session, status="expired", url=None)
    intent = intent_of(session)
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


def page(session: Json, more: str = "") -> str:
    """The session's own page, whatever its ``ui_mode``."""
    return f"{transactions.current().store.base_url}/pay/{session['id']}{more}"


def landing(session: Json) -> str:
    """Where the browser goes once it is paid, the session's id put in where the host asked for it."""
    url = session["success_url"] or session.get("return_url") or ""
    return str(url).replace("{CHECKOUT_SESSION_ID}", session["id"])


def ensure_customer(session: Json) -> Json:
    """The session's customer, made now from what the payer typed if it has none.

    :raises InvalidRequest: The customer was deleted meanwhile.
    """
    if session["customer"]:
        return store.named("customer", session["customer"], "customer")
    payer = session["_payer"]
    email = session["customer_email"] or payer["email"]
    details = {"email": email, **{key: payer.get(key) for key in ("address", "name", "phone")}}
    details["name"] = payer.get("business_name") or payer.get("name")
    form = {key: value for key, value in details.items() if value}
    customer = customers.new(form)
    objects.change(session, customer=customer["id"])
    return customer


def mark_kept(method: Json, session: Json) -> None:
    """Whether the card is offered on the next page: only if its owner ticked the box, or came to save it."""
    if method["allow_redisplay"] == "unspecified":
        wants_it_kept = session["_payer"]["keep"] or session["mode"] == "setup"
        objects.change(method, allow_redisplay="always" if wants_it_kept else "limited")
