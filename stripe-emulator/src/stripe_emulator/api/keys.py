"""Who may call: any test key opens the one account; others open a browser's or a mobile app's few calls."""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import Any

from stripe_emulator.api.routing import Endpoint
from stripe_emulator.core.database import store, transactions
from stripe_emulator.core.errors import NoSuchAccount, Unauthenticated
from stripe_emulator.core.time import clock
from stripe_emulator.core.wire import Form

SECRET, PUBLISHABLE, EPHEMERAL = ("sk_test_", "rk_test_"), "pk_test_", "ek_test_"

_OF_A_PAYMENT = """
id object allowed_payment_method_types amount amount_details automatic_payment_methods canceled_at
cancellation_reason capture_method client_secret confirmation_method created currency description
last_payment_error livemode next_action payment_method payment_method_configuration_details
payment_method_types processing receipt_email setup_future_usage shipping source status
"""
_OF_A_SETUP = """
id object allowed_payment_method_types automatic_payment_methods cancellation_reason client_secret created
description last_setup_error livemode next_action payment_method payment_method_configuration_details
payment_method_types status usage
"""

#: What a browser is shown of an intent, and what it is not shown of anything: it needs no more.
SHOWN = {
    "payment_intent": frozenset(_OF_A_PAYMENT.split()),
    "setup_intent": frozenset(_OF_A_SETUP.split()),
}
HIDDEN = frozenset(["fingerprint", "metadata"])

#: What an ephemeral key may call for its customer. https://docs.stripe.com/mobile
FOR_ONE_CUSTOMER = {
    ("GET", "/v1/customers/{customer}"),
    ("POST", "/v1/customers/{customer}"),
    ("GET", "/v1/customers/{customer}/payment_methods"),
    ("POST", "/v1/customers/{customer}/sources"),
    ("DELETE", "/v1/customers/{customer}/sources/{id}"),
    ("GET", "/v1/payment_methods"),
    ("POST", "/v1/payment_methods"),
    ("POST", "/v1/payment_methods/{payment_method}/attach"),
    ("POST", "/v1/payment_methods/{payment_method}/detach"),
}


def given(authorization: str, form: Form) -> str:
    """The key of a request: Basic's user name, a Bearer token, or stripe.js's ``key`` field.

    :raises Unauthenticated: There is none, or it is not a test key.
    """
    scheme, _, value = authorization.strip().partition(" ")
    if scheme.lower() == "basic":
        try:
            key = base64.b64decode(value).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            key = ""
    elif scheme.lower() == "bearer":
        key = value.strip()
    else:
        field = form.pop("key", "")
        key = field if isinstance(field, str) else ""
    if not key:
        raise Unauthenticated(
            "You did not provide an API key. You need to provide your API key in the Authorization header,"
            " using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See"
            " https://stripe.com/docs/api#authentication for details."
        )
    known = (*SECRET, PUBLISHABLE, EPHEMERAL)
    if not key.startswith(known) or key in known:
        raise Unauthenticated(f"Invalid API Key provided: {masked(key)}")
    return key


def check(key: str, endpoint: Endpoint, values: dict[str, str], form: Form) -> None:
    """Keep a publishable key to what a browser may do: with an object's client secret, on that object.

    An ephemeral key is kept to its own customer.

    :raises Unauthenticated: The call takes a secret key, or the client secret does not fit.
    """
    if key.startswith(SECRET):
        return
    if key.startswith(EPHEMERAL):
        _check_ephemeral(key, endpoint, values, form)
        return
    if not endpoint.publishable:
        raise Unauthenticated(
            "This API call cannot be made with a publishable API key. Please use a secret API key.",
            code="secret_key_required",
        )
    if endpoint.route is None or not values:
        return
    intent = store.find_any(next(iter(values.values()))) or {}
    secret, shown = intent.get("client_secret"), form.pop("client_secret", None)
    if not isinstance(secret, str) or not isinstance(shown, str) or not _same(secret, shown):
        raise Unauthenticated(
            "The client_secret provided does not match any associated object on this account.",
            param="client_secret",
        )


def as_seen(key: str, value: Any) -> Any:
    """An answer, or what it holds, as the caller may see it: a publishable key is everybody's."""
    if not key.startswith(PUBLISHABLE):
        return value
    if isinstance(value, list):
        return [as_seen(key, item) for item in value]
    if not isinstance(value, dict):
        return value
    only = SHOWN.get(value.get("object", ""), value.keys())
    return {name: as_seen(key, item) for name, item in value.items() if name in only and name not in HIDDEN}


def check_account(account: str) -> None:
    """:raises NoSuchAccount: It is not the account of the key that this request came with."""
    transaction = transactions.current()
    if account != transaction.store.account:
        raise NoSuchAccount(
            f"The provided key '{transaction.origin.caller}' does not have access to account"
            f" '{account[:60]}' (or that account does not exist). Application access may have been revoked.",
            code="account_invalid",
        )


def _check_ephemeral(key: str, endpoint: Endpoint, values: dict[str, str], form: Form) -> None:
    """:raises Unauthenticated: The key is over, or the call is not about its own customer."""
    known = next(iter(store.select("ephemeral_key", {"_secret": key}, limit=1)), None)
    if known is None or known["expires"] <= clock.account_now():
        raise Unauthenticated(f"Expired API Key provided: {masked(key)}", code="api_key_expired")
    method = store.find("payment_method", values.get("payment_method", "")) or {}
    named = {values.get("customer"), form.get("customer"), method.get("customer")} - {None}
    if (endpoint.verb, endpoint.path) not in FOR_ONE_CUSTOMER or named - {known["_customer"]}:
        raise Unauthenticated(
            "The ephemeral key provided is not allowed to make this call: it acts for one customer alone.",
            code="secret_key_required",
        )
    if (endpoint.verb, endpoint.path) == ("GET", "/v1/payment_methods"):
        form.setdefault("customer", known["_customer"])


def masked(key: str) -> str:
    """A key as it may be repeated: its prefix and its last four characters."""
    head = next(
        (key[: len(p)] for p in ("sk_live_", "rk_live_", "pk_live_", *SECRET) if key.startswith(p)), ""
    )
    tail = key[len(head) :]
    return head + "*" * max(4, min(24, len(tail) - 4)) + (tail[-4:] if len(tail) > 8 else "")


def _same(secret: str, other: str) -> bool:
    return hmac.compare_digest(secret.encode(), other.encode())
