"""What the form of an intent asks for: how it is confirmed, with which payment method, and on what terms."""

from __future__ import annotations

import re
from collections.abc import Iterable

from stripe_emulator.core import descriptors, emails
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest, only_one_of
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form, public, without_effect
from stripe_emulator.events import objects
from stripe_emulator.payments.confirming.confirmation import Confirmation
from stripe_emulator.payments.methods import mandates, method_currencies, method_forms, payment_methods

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


def refuse_of_confirmation(form: Form, params: Iterable[str], intent: str) -> None:
    """For an intent that is made and not confirmed with it.

    :raises InvalidRequest: One of these parameters, which a confirmation takes, is there.
    """
    without_effect(form, "use_stripe_sdk")  # nothing is asked of a browser yet
    for param in params:
        if param in form:
            raise InvalidRequest(
                f"The parameter `{param}` cannot be passed when creating {intent} unless `confirm` is set to"
                " true.",
                param=param,
            )


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
        return method_forms.new(data)
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
            f" {mandates.SPOKEN[intent['object']]}. Please attach a PaymentMethod of a type that it takes.",
            code=f"{intent['object']}_incompatible_payment_method",
            param="payment_method",
        )
    method_currencies.check([method["type"]], intent.get("currency"))


def options(types: list[str]) -> Json:
    """``payment_method_options`` of an intent that takes these, where nobody said otherwise."""
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
