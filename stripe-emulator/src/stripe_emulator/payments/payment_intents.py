"""Payment intents: a payment from its wish to its money. https://docs.stripe.com/api/payment_intents

The routes; what the bank makes of a confirmation is in ``confirmation.py``.
"""

from __future__ import annotations

import re

from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.core import descriptors, due_work, emails, ids, money, store
from stripe_emulator.core.errors import InvalidRequest, NotEmulated, only_one_of
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form, public, without_effect
from stripe_emulator.events import events, objects
from stripe_emulator.payments import (
    charges,
    confirmation,
    confirmation_tokens,
    mandates,
    method_currencies,
    method_kinds,
    payment_method_configurations,
    payment_methods,
    unexpected_states,
)
from stripe_emulator.payments.confirmation import Confirmation

register = Register()

#: Why a server's confirmation needs a ``return_url``, and how to do without.
WAY_BACK = {
    "payment_intent": "This PaymentIntent is configured to accept payment methods enabled in your Dashboard."
    " Because some of these payment methods might redirect your customer off of your page, you must provide a"
    " `return_url`. If you don't want to accept redirect-based payment methods,",
    "setup_intent": "A return_url must be specified because this Setup Intent is configured to automatically"
    " accept the payment methods enabled in the Dashboard, some of which may require a full page redirect to"
    " succeed. If you do not want to accept redirect-based payment methods,",
}
CARDS_ONLY = (
    "set `automatic_payment_methods[enabled]` to `true` and `automatic_payment_methods[allow_redirects]` to"
    " `never` when creating Setup Intents and Payment Intents."
)

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

SPOKEN = {"payment_intent": "PaymentIntent", "setup_intent": "SetupIntent"}

#: Kinds of payment methods that are never paid on a page of somebody else's.
NEVER_REDIRECTS = {
    "acss_debit",
    "au_becs_debit",
    "bacs_debit",
    "card",
    "link",
    "sepa_debit",
    "us_bank_account",
}

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
    without_effect(form, "use_stripe_sdk")  # nothing is asked of a browser yet
    for param in OF_CONFIRMATION:
        if param in form:
            raise InvalidRequest(
                f"The parameter `{param}` cannot be passed when creating a PaymentIntent unless `confirm`"
                " is set to true.",
                param=param,
            )
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
    refuse_connect(form)
    check_texts(form)
    if not intent["automatic_payment_methods"]:
        method_kinds.check_descriptor(form, intent["payment_method_types"])
    unexpected_states.check_change(intent, form.keys())
    narrow(intent, form)
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
    method = method_of(intent, form)
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
    narrow(intent, form)
    objects.change(intent, **objects.patch(intent, form, KEPT))
    return _confirm(intent, form)


def _confirm(intent: Json, form: Form) -> Json:
    how = confirmation_of(intent, form)
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
    refuse_connect(form)
    check_texts(form)
    code = money.currency(form["currency"])
    money.check_charge(form["amount"], code)
    method_kinds.check(form.get("payment_method_types"), "payment_intent_invalid_parameter")
    customer = store.named("customer", form["customer"], "customer") if "customer" in form else None
    kept = {key: form[key] for key in KEPT if form.get(key) not in (None, "")}
    intent_id = ids.new("payment_intent")
    types = form.get("payment_method_types") or form.get("allowed_payment_method_types")
    method_currencies.check(types or [], code)
    by_itself = automatic(form)
    if by_itself or "payment_method_configuration" in form:
        kept |= payment_method_configurations.used_by(form)
    intent = objects.create(
        "payment_intent",
        id=intent_id,
        **{
            "amount_details": {"tip": {}},
            "capture_method": "automatic_async",
            "payment_method_options": _options(types or ["card"]),
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
    method = method_of(intent, form)
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


def must_lead_back(intent: Json, form: Form) -> None:
    """A server that confirms says where a redirect leads back to, unless none can happen.

    :raises InvalidRequest: It does not.
    """
    narrowed = intent.get("allowed_payment_method_types")
    redirects = (intent["automatic_payment_methods"] or {}).get("allow_redirects") == "always"
    redirects = redirects and (not narrowed or bool(set(narrowed) - NEVER_REDIRECTS))
    nobody_there = form.get("off_session", False) not in (False, "false")
    by_browser = form.keys() & {"client_secret", "confirmation_token"} or form.get("use_stripe_sdk")
    if redirects and not (form.get("return_url") or nobody_there or by_browser):
        raise InvalidRequest(f"{WAY_BACK[intent['object']]} {CARDS_ONLY}")


def confirmation_of(intent: Json, form: Form) -> Confirmation:
    """How this confirmation is to be done: with which card, and who is there."""
    must_lead_back(intent, form)
    check_return_url(form)
    mandate = mandates.named_in(form)
    method = method_of(intent, form)
    if method is None and intent["payment_method"]:
        method = store.find("payment_method", intent["payment_method"])
    if method is None:
        raise InvalidRequest(
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can either"
            " update the PaymentIntent with a payment method and then confirm it again, or confirm it again"
            " directly with a payment method or ConfirmationToken.",
            code="payment_intent_unexpected_state",
            payment_intent=public(intent),
        )
    off_session = form.get("off_session", False) not in (False, "false")
    return Confirmation(
        method,
        off_session=off_session,
        return_url=form.get("return_url"),
        error_on_action=off_session or bool(form.get("error_on_requires_action")),
        by_sdk=bool(form.get("use_stripe_sdk")),
        acceptance=mandates.acceptance_in(form),
        mandate=mandate,
    )


def method_of(intent: Json, form: Form) -> Json | None:
    """The card that a form names or brings along, checked against the intent's customer."""
    if "payment_method_data" in form:
        data = form["payment_method_data"]
        return payment_methods.new(data)
    if not form.get("payment_method"):
        return None
    method = payment_methods.named(form["payment_method"], "payment_method")
    if payment_methods.is_spent(method):
        raise InvalidRequest(
            "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment,"
            " shared with a connected account without Customer attachment, or was detached from a Customer."
            " It may not be used again. To use a PaymentMethod multiple times, you must attach it to a"
            " Customer first.",
            code="payment_method_unexpected_state",
            param="payment_method",
        )
    if method["customer"] not in (None, intent["customer"]):
        raise InvalidRequest(
            "The provided PaymentMethod cannot be attached. To reuse a PaymentMethod, you must attach it to a"
            " Customer first."
            if intent["customer"]
            else "The payment method you provided is attached to a customer so for security purposes you must"
            " provide the customer in the request.",
            param="payment_method",
        )
    _must_take(intent, method)
    return method


def check_return_url(form: Form) -> None:
    """:raises InvalidRequest: No browser or app can be sent there."""
    url = form.get("return_url")
    if url and not re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", url):
        raise InvalidRequest(
            "Not a valid URL: an explicit scheme (such as https) must be provided.",
            code="url_invalid",
            param="return_url",
        )


def check_texts(form: Form) -> None:
    """:raises InvalidRequest: What stands on mails or on the customer's statement can't be."""
    emails.check(form.get("receipt_email"), "receipt_email")
    for name in ("statement_descriptor", "statement_descriptor_suffix"):
        descriptors.check(form.get(name), name)


def refuse_connect(form: Form) -> None:
    """There is but one account, so that Stripe would refuse to share with another in these words."""
    if form.get("transfer_data"):
        destination = form["transfer_data"].get("destination", "")
        raise InvalidRequest(
            f"No such destination: '{destination}'",
            code="resource_missing",
            param="transfer_data[destination]",
        )
    if form.get("application_fee_amount"):
        raise InvalidRequest(
            "Can only apply an application_fee_amount when the PaymentIntent is attempting a direct payment"
            " (using an OAuth key or Stripe-Account header) or destination payment (using"
            " `transfer_data[destination]`).",
            param="application_fee_amount",
        )


def automatic(form: Form) -> Json | None:
    """``automatic_payment_methods``, which are on unless somebody names the methods or turns them off.

    :raises InvalidRequest: Both are said.
    """
    if "payment_method_types" in form and (form.get("automatic_payment_methods") or {}).get("enabled"):
        raise only_one_of(
            "automatic_payment_methods", "payment_method_types", param="automatic_payment_methods"
        )
    wanted = {"allow_redirects": "always", "enabled": True, **(form.get("automatic_payment_methods") or {})}
    return wanted if wanted["enabled"] and "payment_method_types" not in form else None


def narrow(intent: Json, form: Form) -> None:
    """``allowed_payment_method_types``: from now on, the intent takes these and no others."""
    if types := form.get("allowed_payment_method_types"):
        method_currencies.check(types, intent.get("currency"))
        objects.change(intent, allowed_payment_method_types=types, payment_method_types=types)


def _must_take(intent: Json, method: Json) -> None:
    """:raises InvalidRequest: The intent was narrowed to other kinds of payment methods."""
    excluded = intent.get("excluded_payment_method_types") or []
    allowed = intent.get("allowed_payment_method_types") or [method["type"]]
    if method["type"] in excluded or method["type"] not in allowed:
        raise InvalidRequest(
            f"The PaymentMethod provided ({method['type']}) is not allowed for this"
            f" {SPOKEN[intent['object']]}. Please attach a PaymentMethod of a type that it takes.",
            code=f"{intent['object']}_incompatible_payment_method",
            param="payment_method",
        )
    method_currencies.check([method["type"]], intent.get("currency"))


def _options(types: list[str]) -> Json:
    if "card" not in types:
        return {}
    return {
        "card": {
            "installments": None,
            "mandate_options": None,
            "network": None,
            "request_three_d_secure": "automatic",
        }
    }
