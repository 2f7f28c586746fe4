"""Mandates: a customer's permission to debit a payment method. https://docs.stripe.com/api/mandates

One is made where a confirmation brings ``mandate_data``, or where the customer confirms on one of our pages.
A bank debit needs one; a card may have one. It ends with its payment method, or with the one payment that
it was given for.
"""

from __future__ import annotations

from stripe_emulator.api.register import Register
from stripe_emulator.core import ids
from stripe_emulator.core.database import store, transactions
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.time import clock
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.events import objects

register = Register()

KIND = "mandate"

#: Kinds of payment methods that nobody may debit without one, and that can have one for a single payment.
DEBITS = ("sepa_debit",)

#: What Stripe's own pages say of the customer who accepted there.
_ON_OUR_PAGE: Json = {
    "accepted_at": None,
    "online": {"ip_address": "127.0.0.1", "user_agent": "Stripe Emulator"},
    "type": "online",
}

#: What each kind of intent is called in a sentence.
SPOKEN = {"payment_intent": "PaymentIntent", "setup_intent": "SetupIntent"}


@register.get("/v1/mandates/{mandate}")
def retrieve(form: Form, mandate_id: str) -> Json:
    """https://docs.stripe.com/api/mandates/retrieve"""
    return store.get(KIND, mandate_id, param="mandate")


def acceptance_in(form: Form) -> Json | None:
    """How the customer accepted, from ``mandate_data``; None if nothing is said of it.

    :raises InvalidRequest: The customer accepted online, and it is not said from where.
    """
    data = form.get("mandate_data")
    if not data:
        return None
    given = data["customer_acceptance"]
    kind = given["type"]
    if kind == "online" and not given.get("online"):
        name = "mandate_data[customer_acceptance][online]"
        raise InvalidRequest(f"Missing required param: {name}.", code="parameter_missing", param=name)
    return {"accepted_at": given.get("accepted_at"), kind: dict(given.get(kind) or {}), "type": kind}


def on_our_page(method: Json) -> Json | None:
    """What the customer of one of our own pages accepts by paying there; None where no mandate is needed."""
    needed = method.get("type") in DEBITS and active_of(method) is None
    return _ON_OUR_PAGE if needed else None


def named_in(form: Form) -> Json | None:
    """The mandate that a form wants its payment made under; None if it names none.

    :raises InvalidRequest: There is no such mandate, or it is over.
    """
    if not form.get("mandate"):
        return None
    mandate = store.named(KIND, form["mandate"], "mandate")
    if mandate["status"] != "active":
        raise _invalid()
    return mandate


def must_be_there(intent: Json, method: Json, acceptance: Json | None, mandate: Json | None) -> None:
    """Before a confirmation: what needs a mandate has one, or gets it now.

    :raises InvalidRequest: There is none, or it is another payment method's.
    """
    if mandate is not None and mandate["payment_method"] != method["id"]:
        raise _invalid()
    if method["type"] in DEBITS and not acceptance and not mandate and active_of(method) is None:
        raise InvalidRequest(
            f"This {SPOKEN[intent['object']]} requires a mandate, but no existing mandate was found. Collect"
            " mandate acceptance from the customer and try again, providing acceptance data in the"
            " mandate_data parameter.",
            param="mandate_data",
        )


def active_of(method: Json) -> Json | None:
    """The mandate under which a payment method may be debited at any time."""
    where = {"payment_method": method["id"], "status": "active", "type": "multi_use"}
    return next(iter(store.select(KIND, where)), None)


def use(intent: Json, method: Json) -> str | None:
    """The id of the mandate that a confirmed payment is made under: given now, named, or given before.

    One that was given for a single payment is over with it.
    """
    named = intent.get("_mandate")
    if named is not None:
        mandate = store.get(KIND, named)
        if mandate["type"] == "single_use":
            objects.change(mandate, "mandate.updated", status="inactive")
        return str(mandate["id"])
    if intent.get("_acceptance"):
        keeps = intent["setup_future_usage"] is not None
        only = None if keeps else {"amount": intent["amount"], "currency": intent["currency"]}
        return str(_new(method, intent["_acceptance"], single_use=only, spent=not keeps)["id"])
    before = active_of(method) if method["type"] in DEBITS else None
    return str(before["id"]) if before else None


def give(intent: Json, method: Json) -> Json:
    """What a succeeded SetupIntent shows of the mandate that its customer gave."""
    if not intent.get("_acceptance"):
        known = active_of(method) if method["type"] in DEBITS else None
        return {"mandate": known["id"]} if known else {}
    single_use = intent.get("_single_use")
    mandate = _new(method, intent["_acceptance"], single_use=single_use)
    return {"single_use_mandate" if single_use else "mandate": mandate["id"]}


def revoke_all_of(method: Json) -> None:
    """The payment method is gone from its customer, and with it the permission to debit it."""
    for mandate in store.select(KIND, {"payment_method": method["id"], "status": "active"}):
        objects.change(mandate, "mandate.updated", status="inactive")


def _new(method: Json, acceptance: Json, *, single_use: Json | None = None, spent: bool = False) -> Json:
    """:param spent: It was given for a payment that is made right now, so that it can't be used again."""
    kind = method["type"]
    mandate_id = ids.new(KIND)
    details: Json = {}
    if kind == "sepa_debit":
        url = f"{transactions.current().store.base_url}/mandates/{mandate_id}"
        details = {"reference": ids.token(16).upper(), "url": url}
    uses: Json = {"single_use": single_use} if single_use else {"multi_use": {}}
    return objects.create(
        KIND,
        id=mandate_id,
        customer_acceptance=acceptance | {"accepted_at": acceptance["accepted_at"] or clock.now()},
        payment_method=method["id"],
        payment_method_details={"type": kind, kind: details},
        status="inactive" if spent else "active",
        type="single_use" if single_use else "multi_use",
        **uses,
    )


def _invalid() -> InvalidRequest:
    return InvalidRequest(
        "The provided mandate is invalid and can not be used for the payment intent.",
        code="payment_intent_mandate_invalid",
        param="mandate",
    )
