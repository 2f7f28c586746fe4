"""Who may call: any test key opens the one account; a publishable key opens a browser's few calls."""

from __future__ import annotations

import base64
import binascii
import hmac

from stripe_emulator.api.routing import Endpoint
from stripe_emulator.core import store
from stripe_emulator.core.errors import NoSuchAccount, Unauthenticated
from stripe_emulator.core.wire import Form

SECRET, PUBLISHABLE = ("sk_test_", "rk_test_"), "pk_test_"


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
    if not key.startswith((*SECRET, PUBLISHABLE)) or key in (*SECRET, PUBLISHABLE):
        raise Unauthenticated(f"Invalid API Key provided: {masked(key)}")
    return key


def check(key: str, endpoint: Endpoint, values: dict[str, str], form: Form) -> None:
    """Keep a publishable key to what a browser may do: with an object's client secret, on that object.

    :raises Unauthenticated: The call takes a secret key, or the client secret does not fit.
    """
    if key.startswith(SECRET):
        return
    if not endpoint.publishable:
        raise Unauthenticated(
            "This API call cannot be made with a publishable API key. Please use a secret API key.",
            code="secret_key_required",
        )
    if endpoint.route is None or not values:
        return
    intent = store.find_any(next(iter(values.values()))) or {}
    secret, shown = intent.get("client_secret"), form.get("client_secret")
    if not isinstance(secret, str) or not isinstance(shown, str) or not _same(secret, shown):
        raise Unauthenticated(
            "The client_secret provided does not match any associated object on this account.",
            param="client_secret",
        )


def check_account(account: str) -> None:
    """:raises NoSuchAccount: It is not the account of the key that this request came with."""
    transaction = store.current()
    if account != transaction.store.account:
        raise NoSuchAccount(
            f"The provided key '{transaction.origin.caller}' does not have access to account"
            f" '{account[:60]}' (or that account does not exist). Application access may have been revoked.",
            code="account_invalid",
        )


def masked(key: str) -> str:
    """A key as it may be repeated: its prefix and its last four characters."""
    head = next(
        (key[: len(p)] for p in ("sk_live_", "rk_live_", "pk_live_", *SECRET) if key.startswith(p)), ""
    )
    tail = key[len(head) :]
    return head + "*" * max(4, min(24, len(tail) - 4)) + (tail[-4:] if len(tail) > 8 else "")


def _same(secret: str, other: str) -> bool:
    return hmac.compare_digest(secret.encode(), other.encode())
