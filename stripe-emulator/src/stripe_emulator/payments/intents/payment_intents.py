"""Payment intents: a payment from its wish to its money. https://docs.stripe.com/api/payment_intents

The routes; what the bank makes of a confirmation is in ``confirmation.py``.
"""

from __future__ import annotations

from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.core import ids, money
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest, NotEmulated
from stripe_emulator.core.time import due_work
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form, without_effect
from stripe_emulator.events import events, objects
from stripe_emulator.payments.confirming import charges, confirmation
from stripe_emulator.payments.intents import intent_forms, unexpected_states
from stripe_emulator.payments.methods import (
    confirmation_tokens,
    method_currencies,
    method_kinds,
    payment_method_configurations,
)

register = Register()

#: Parameters that are kept as they come; "" empties them.
KEPT = (
    "allowed_payment_method_types",
    "amount_details",
    "capture_method",
    "description",
    "excluded_payment_method_types",
    "payment_details",
    "payment_method_options",
    "receipt_email",
    "setup_future_usage",
    "shipping",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
)

#: Parameters that say how to confirm, and mean nothing before.
OF_CONFIRMATION = (
    "confirmation_token",
    "error_on_requires_action",
    "mandate",
    "mandate_data",
    "off_session",
    "return_url",
)

#: What may still be done in each state.
MAY_CONFIRM = {"requires_payment_method", "requires_confirmation", "requires_action"}
MAY_CANCEL = MAY_CONFIRM | {"requires_capture", "processing"}


@register.post("/v1/payment_intents")
def create(form: Form) -> Json:
    """https://docs.stripe.com/api/payment_intents/create"""
    if form.get("confirm"):
        form = confirmation_tokens.unfold(form)
    method_kinds.check_descriptor(
        form, form.get("payment_method_types") or form.get("allowed_payment_method_types")
    )
    intent = new(form)
    if form.get("confirm"):
        confirmation_tokens.join(form, intent)
        return _confirm(intent, form)
    intent_forms.refuse_of_confirmation(form, OF_CONFIRMATION, "a PaymentIntent")
    return intent


@register.get("/v1/payment_intents/{intent}", publishable=True)
def retrieve(form: Form, intent_id: str) -> Json:
    """https://docs.stripe.com/api/payment_intents/retrieve"""
    without_effect(form, "client_secret")  # which ``keys`` has checked
    return store.get("payment_intent", intent_id, param="intent")


@register.post("/v1/payment_intents/{intent}")
def update(form: Form, intent_id: str) -> Json:
    """https://docs.stripe.com/api/payment_intents/update"""
    intent = store.get("payment_intent", intent_id, param="intent")
    intent_forms.refuse_connect(form)
    intent_forms.check_texts(form)
    if not intent["automatic_payment_methods"]:
        method_kinds.check_descriptor(form, intent["payment_method_types"])
    unexpected_states.check_change(intent, form.keys())
    intent_forms.narrow(intent, form)
    changes = objects.patch(intent, form, KEPT)
    if "amount" in form or "currency" in form:
        code = money.currency(str(form.get("currency", intent["currency"])))
        amount: int = form["amount"] if "amount" in form else intent["amount"]
        money.check_charge(amount, code)
        method_currencies.check(intent["payment_method_types"], code)
        changes |= {"amount": amount, "currency": code}
    if "customer" in form:
        changes["customer"] = store.named("customer", form["customer"], "customer")["id"]
    objects.change(intent, **changes)
    method = intent_forms.method_of(intent, form)
    if method is not None:
        objects.change(intent, payment_method=method["id"], status="requires_confirmation")
    return intent


@register.post("/v1/payment_intents/{intent}/confirm", publishable=True)
def confirm(form: Form, intent_id: str) -> Json:
    """https://docs.stripe.com/api/payment_intents/confirm"""
    intent = store.get("payment_intent", intent_id, param="intent")
    if intent["status"] not in MAY_CONFIRM:
        if intent["status"] == "canceled" and "payment_method" in form:
            unexpected_states.check_change(intent, ["payment_method"])
        raise unexpected_states.refusal(intent, "confirm")
    form = confirmation_tokens.unfold(form)
    confirmation_tokens.join(form, intent)
    intent_forms.narrow(intent, form)
    objects.change(intent, **objects.patch(intent, form, KEPT))
    return _confirm(intent, form)


def _confirm(intent: Json, form: Form) -> Json:
    how = intent_forms.confirmation_of(intent, form)
    method_kinds.check_descriptor(intent, [how.method["type"]])
    return confirmation.confirm(intent, how)


@register.post("/v1/payment_intents/{intent}/capture")
def capture(form: Form, intent_id: str) -> Json:
    """https://docs.stripe.com/api/payment_intents/capture"""
    intent = store.get("payment_intent", intent_id, param="intent")
    if not form.get("final_capture", True):
        raise NotEmulated("capturing several times", param="final_capture")
    return take(intent, form.get("amount_to_capture"), **objects.patch(intent, form, KEPT))


@register.post("/v1/payment_intents/{intent}/cancel")
def cancel(form: Form, intent_id: str) -> Json:
    """https://docs.stripe.com/api/payment_intents/cancel"""
    intent = store.get("payment_intent", intent_id, param="intent")
    if intent["status"] not in MAY_CANCEL:
        raise unexpected_states.refusal(intent, "cancel")
    return confirmation.cancel(intent, form.get("cancellation_reason"))


@register.get("/v1/payment_intents")
def list_all(form: Form) -> Json:
    """https://docs.stripe.com/api/payment_intents/list"""
    return lists.page("payment_intent", form, url="/v1/payment_intents", only=("customer",))


@register.get("/v1/payment_intents/search")
def search(form: Form) -> Json:
    """https://docs.stripe.com/api/payment_intents/search"""
    return lists.search("payment_intent", form, url="/v1/payment_intents/search")


def new(form: Form) -> Json:
    """A payment intent from creation parameters, announced by its event but not confirmed.

    Checkout and invoices make theirs here, too; they add keys of their own with ``objects.change``.
    """
    intent_forms.refuse_connect(form)
    intent_forms.check_texts(form)
    code = money.currency(form["currency"])
    money.check_charge(form["amount"], code)
    method_kinds.check(form.get("payment_method_types"), "payment_intent_invalid_parameter")
    customer = store.named("customer", form["customer"], "customer") if "customer" in form else None
    kept = {key: form[key] for key in KEPT if form.get(key) not in (None, "")}
    intent_id = ids.new("payment_intent")
    types = form.get("payment_method_types") or form.get("allowed_payment_method_types")
    method_currencies.check(types or [], code)
    by_itself = intent_forms.automatic(form)
    if by_itself or "payment_method_configuration" in form:
        kept |= payment_method_configurations.used_by(form)
    intent = objects.create(
        "payment_intent",
        id=intent_id,
        **{
            "amount_details": {"tip": {}},
            "capture_method": "automatic_async",
            "payment_method_options": intent_forms.options(types or ["card"]),
            **kept,
        },
        amount=form["amount"],
        amount_capturable=0,
        amount_received=0,
        automatic_payment_methods=by_itself,
        client_secret=ids.client_secret(intent_id),
        confirmation_method=form.get("confirmation_method", "automatic"),
        currency=code,
        customer=customer["id"] if customer else None,
        metadata=form.get("metadata"),
        payment_method_types=types or ["card"],
        status="requires_payment_method",
    )
    method = intent_forms.method_of(intent, form)
    if method is not None:
        objects.change(intent, payment_method=method["id"], status="requires_confirmation")
    events.emit("payment_intent.created", intent)
    return intent


def take(intent: Json, amount: int | None = None, **changes: object) -> Json:
    """Capture what the bank holds, or this much of it; return the intent.

    :param changes: What else of the intent changes with it.
    :raises InvalidRequest: Nothing waits to be captured, or less than ``amount``.
    """
    _must_be_capturable(intent)
    left: int = intent["amount_capturable"]
    amount = left if amount is None else amount
    if not 1 <= amount <= left:
        raise InvalidRequest(
            f"The provided amount_to_capture must be positive and not more than amount_capturable ({left}).",
            code="amount_too_large" if amount > 0 else "parameter_invalid_integer",
            param="amount_to_capture",
        )
    due_work.unschedule(intent["id"], "payment_intent.capture_expires")
    charges.capture(store.get("charge", intent["latest_charge"]), amount)
    objects.change(intent, **changes, amount_capturable=0, amount_received=amount, status="succeeded")
    events.emit("payment_intent.succeeded", intent)
    confirmation.succeeded(intent)
    return intent


def _must_be_capturable(intent: Json) -> None:
    if intent["status"] != "requires_capture":
        raise unexpected_states.refusal(intent, "capture")
