"""Setup intents: saving a card without paying. https://docs.stripe.com/api/setup_intents

The routes; what the bank makes of a confirmation is in ``setup_confirmation.py``.
"""

from __future__ import annotations

from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.core import ids, money
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form, public, without_effect
from stripe_emulator.events import events, objects
from stripe_emulator.payments.confirming import setup_confirmation
from stripe_emulator.payments.confirming.confirmation import Confirmation
from stripe_emulator.payments.intents import intent_forms, unexpected_states
from stripe_emulator.payments.methods import confirmation_tokens, mandates, method_kinds

register = Register()

#: Parameters that are kept as they come; "" empties them.
KEPT = (
    "allowed_payment_method_types",
    "description",
    "excluded_payment_method_types",
    "flow_directions",
    "payment_method_options",
)

OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")

#: What may still change of one that succeeded.
AFTERWARDS = {"customer", "description", "metadata"}


@register.post("/v1/setup_intents")
def create(form: Form) -> Json:
    """https://docs.stripe.com/api/setup_intents/create"""
    if form.get("confirm"):
        form = confirmation_tokens.unfold(form)
    intent = new(form)
    if form.get("confirm"):
        confirmation_tokens.join(form, intent)
        return setup_confirmation.confirm(intent, _confirmation(intent, form))
    intent_forms.refuse_of_confirmation(form, ("mandate_data", "return_url"), "a SetupIntent")
    return intent


@register.get("/v1/setup_intents/{intent}", publishable=True)
def retrieve(form: Form, intent_id: str) -> Json:
    """https://docs.stripe.com/api/setup_intents/retrieve"""
    without_effect(form, "client_secret")  # which ``keys`` has checked
    return store.get("setup_intent", intent_id, param="intent")


@register.post("/v1/setup_intents/{intent}")
def update(form: Form, intent_id: str) -> Json:
    """https://docs.stripe.com/api/setup_intents/update"""
    intent = store.get("setup_intent", intent_id, param="intent")
    if intent["status"] != "succeeded" or form.keys() - AFTERWARDS:
        _must_be_open(intent, "update")
    intent_forms.narrow(intent, form)
    changes = objects.patch(intent, form, KEPT)
    if "customer" in form:
        changes["customer"] = store.named("customer", form["customer"], "customer")["id"]
    objects.change(intent, **changes)
    return _take_method(intent, form)


@register.post("/v1/setup_intents/{intent}/confirm", publishable=True)
def confirm(form: Form, intent_id: str) -> Json:
    """https://docs.stripe.com/api/setup_intents/confirm"""
    intent = store.get("setup_intent", intent_id, param="intent")
    _must_be_open(intent, "confirm")
    form = confirmation_tokens.unfold(form)
    confirmation_tokens.join(form, intent)
    intent_forms.narrow(intent, form)
    objects.change(intent, **objects.patch(intent, form, ("payment_method_options",)))
    return setup_confirmation.confirm(intent, _confirmation(intent, form))


@register.post("/v1/setup_intents/{intent}/cancel")
def cancel(form: Form, intent_id: str) -> Json:
    """https://docs.stripe.com/api/setup_intents/cancel"""
    intent = store.get("setup_intent", intent_id, param="intent")
    _must_be_open(intent, "cancel")
    return call_off(intent, form.get("cancellation_reason"))


@register.get("/v1/setup_intents")
def list_all(form: Form) -> Json:
    """https://docs.stripe.com/api/setup_intents/list"""
    only = ("customer", "payment_method")
    return lists.page("setup_intent", form, url="/v1/setup_intents", only=only)


@register.get("/v1/setup_attempts")
def list_attempts(form: Form) -> Json:
    """https://docs.stripe.com/api/setup_attempts/list"""
    return lists.page("setup_attempt", form, url="/v1/setup_attempts", only=("setup_intent",))


def new(form: Form) -> Json:
    """A setup intent from creation parameters, announced by its event but not confirmed."""
    customer = store.named("customer", form["customer"], "customer") if "customer" in form else None
    method_kinds.check(form.get("payment_method_types"), "setup_intent_invalid_parameter")
    types = form.get("payment_method_types") or form.get("allowed_payment_method_types")
    intent_id = ids.new("setup_intent")
    intent = objects.create(
        "setup_intent",
        id=intent_id,
        **{
            "payment_method_options": {
                "card": {"mandate_options": None, "network": None, "request_three_d_secure": "automatic"}
            },
            **{key: form[key] for key in KEPT if form.get(key) not in (None, "")},
        },
        automatic_payment_methods=intent_forms.automatic(form),
        client_secret=ids.client_secret(intent_id),
        customer=customer["id"] if customer else None,
        metadata=form.get("metadata"),
        payment_method_types=types or ["card"],
        status="requires_payment_method",
        usage=form.get("usage", "off_session"),
        _single_use=_single_use(form),
    )
    _take_method(intent, form)
    events.emit("setup_intent.created", intent)
    return intent


def call_off(intent: Json, reason: str | None) -> Json:
    """End an open setup intent."""
    objects.change(intent, cancellation_reason=reason, next_action=None, status="canceled")
    events.emit("setup_intent.canceled", intent)
    return intent


def _take_method(intent: Json, form: Form) -> Json:
    method = intent_forms.method_of(intent, form)
    if method is not None:
        objects.change(intent, payment_method=method["id"], status="requires_confirmation")
    return intent


def _confirmation(intent: Json, form: Form) -> Confirmation:
    intent_forms.must_lead_back(intent, form)
    intent_forms.check_return_url(form)
    method = intent_forms.method_of(intent, form)
    if method is None and intent["payment_method"]:
        method = store.find("payment_method", intent["payment_method"])
    if method is None:
        raise InvalidRequest(
            "You cannot confirm this SetupIntent because it's missing a payment method. Update the"
            " SetupIntent with a payment method and then confirm it again.",
            code="setup_intent_unexpected_state",
            setup_intent=public(intent),
        )
    return Confirmation(
        method,
        return_url=form.get("return_url"),
        by_sdk=bool(form.get("use_stripe_sdk")),
        acceptance=mandates.acceptance_in(form),
    )


def _single_use(form: Form) -> Json | None:
    """What the one payment may take that a mandate is set up for; None for any number of payments."""
    wanted = form.get("single_use")
    if not wanted:
        return None
    code = money.currency(wanted["currency"], "single_use[currency]")
    money.check_charge(wanted["amount"], code, "single_use[amount]")
    return {"amount": wanted["amount"], "currency": code}


def _must_be_open(intent: Json, verb: str) -> None:
    if intent["status"] not in OPEN:
        raise unexpected_states.refusal(intent, verb)
