"""Charges without a PaymentIntent, as older integrations make them, and capturing any charge.

Stripe still answers these and asks to use PaymentIntents. https://docs.stripe.com/api/charges/create
"""

from __future__ import annotations

from stripe_emulator.api.register import Register
from stripe_emulator.core import money
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import CardError, InvalidRequest, NotEmulated
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.payments.cards import declines
from stripe_emulator.payments.confirming import charges, confirmation
from stripe_emulator.payments.intents import intent_forms, payment_intents
from stripe_emulator.payments.methods import method_forms, payment_methods

register = Register()

KEPT = (
    "description",
    "receipt_email",
    "shipping",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
)
#: Parameters of Stripe Connect.
NOT_YET = ("application_fee", "application_fee_amount", "destination", "on_behalf_of", "transfer_data")


@register.post("/v1/charges")
def create(form: Form) -> Json:
    """https://docs.stripe.com/api/charges/create; where the bank has a question, it is a refusal."""
    for param in ("amount", "currency"):
        if param not in form:
            raise InvalidRequest(f"Missing required param: {param}.", code="parameter_missing", param=param)
    for param in NOT_YET:
        if param in form:
            raise NotEmulated(f"charges with {param}", param=param)
    intent_forms.check_texts(form)
    code = money.currency(form["currency"])
    money.check_charge(form["amount"], code)
    customer = store.named("customer", form["customer"], "customer") if "customer" in form else None
    method = _source(form, customer)
    decline = payment_methods.card_of(method).decline
    if decline is None and confirmation.wants_its_holder(method):
        decline = ("authentication_required", "authentication_required")
    charge = charges.make(_order(form, code, customer), method, decline)
    if decline is not None:
        raise CardError(
            declines.MESSAGES[decline[1]],
            code=decline[0],
            param=declines.PARAMS.get(decline[0]),
            charge=charge["id"],
            decline_code=decline[1],
        )
    if charge["captured"]:
        confirmation.charged(charge)
    return charge


@register.post("/v1/charges/{charge}/capture")
def capture(form: Form, charge_id: str) -> Json:
    """https://docs.stripe.com/api/charges/capture; one of a PaymentIntent is captured through it."""
    charge = store.get("charge", charge_id)
    if charge["captured"] or charge["refunded"] or charge["status"] != "succeeded":
        raise InvalidRequest(
            f"Charge {charge_id} has already been captured."
            if charge["captured"]
            else f"{charge_id} cannot be captured.",
            code="charge_already_captured" if charge["captured"] else None,
        )
    amount: int = form["amount"] if "amount" in form else charge["amount"]
    if charge["payment_intent"]:
        payment_intents.take(store.get("payment_intent", charge["payment_intent"]), amount)
        return charge
    if not 1 <= amount <= charge["amount"]:
        raise InvalidRequest(
            f"The amount must be positive and not more than {charge['amount']}.", param="amount"
        )
    charges.capture(charge, amount)
    confirmation.charged(charge)
    return charge


def _source(form: Form, customer: Json | None) -> Json:
    """The card to charge: a token, or one of the customer's, their default if none is named."""
    source = form.get("source")
    if source is None and customer is not None:
        source = customer["invoice_settings"]["default_payment_method"] or customer["default_source"]
    if source is None:
        raise InvalidRequest(
            "Cannot charge a customer that has no active card"
            if customer
            else "Must provide source or customer.",
            code="missing" if customer else "parameter_missing",
            param="card" if customer else "source",
        )
    if source.startswith("tok_"):
        return method_forms.from_token(source, {}, "source")
    method = payment_methods.named(source, "source")
    if method["customer"] != (customer and customer["id"]):
        raise InvalidRequest(
            f"Customer {customer['id']} does not have a linked source with ID {source}."
            if customer
            else f"{source} belongs to a customer: pass the customer, too.",
            code="missing",
            param="source",
        )
    return method


def _order(form: Form, currency: str, customer: Json | None) -> Json:
    """What ``charges.make`` reads of a PaymentIntent, for a charge that has none."""
    return {
        **{key: form.get(key) or None for key in KEPT},
        "id": None,
        "amount": form["amount"],
        "capture_method": "automatic" if form.get("capture", True) else "manual",
        "currency": currency,
        "customer": customer and customer["id"],
        "metadata": form.get("metadata") or {},
    }
