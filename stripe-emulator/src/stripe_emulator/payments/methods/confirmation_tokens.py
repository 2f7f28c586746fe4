"""Confirmation tokens: what a browser collected for one confirmation. https://docs.stripe.com/api/confirmation_tokens

The browser makes one by stripe.js; a test makes one by a helper. The server confirms an intent with it.
"""

from __future__ import annotations

from stripe_emulator.api.register import Register
from stripe_emulator.core.database import store, undo
from stripe_emulator.core.errors import InvalidRequest, NotEmulated, only_one_of
from stripe_emulator.core.time import clock
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.events import objects
from stripe_emulator.payments.methods import method_forms, payment_methods

register = Register()

KIND = "confirmation_token"

#: How long one is good, in seconds.
LIVES = 12 * 3600

#: What it hands to the intent.
_HANDED_ON = ("return_url", "setup_future_usage", "shipping")


@register.post("/v1/confirmation_tokens", publishable=True, documented=False)
def create_in_browser(form: Form) -> Json:
    """Make a token as stripe.js does, with the details of a card; not documented."""
    return _new(form)


@register.post("/v1/test_helpers/confirmation_tokens")
def create(form: Form) -> Json:
    """https://docs.stripe.com/api/confirmation_tokens/test_create"""
    return _new(form)


@register.get("/v1/confirmation_tokens/{confirmation_token}")
def retrieve(form: Form, token_id: str) -> Json:
    """https://docs.stripe.com/api/confirmation_tokens/retrieve"""
    return store.get(KIND, token_id, param="confirmation_token")


def unfold(form: Form) -> Form:
    """A confirmation's form with what its ``confirmation_token`` holds, which is used up by that.

    :raises InvalidRequest: The token is gone, or the form has another payment method beside it.
    """
    if not form.get("confirmation_token"):
        return form
    for other in ("payment_method", "payment_method_data"):
        if other in form:
            raise only_one_of("confirmation_token", other, param=other)
    token = store.named(KIND, form["confirmation_token"], "confirmation_token")
    if token["_used"] or token["expires_at"] <= clock.now():
        why = "has already been used" if token["_used"] else "has expired"
        raise InvalidRequest(
            f"The provided ConfirmationToken ({token['id']}) {why}. Create a new ConfirmationToken to confirm"
            " with.",
            param="confirmation_token",
        )
    objects.change(token, _used=True)
    held: Json = {key: token[key] for key in _HANDED_ON if token[key] is not None}
    own: Json = {key: form[key] for key in held if key in form}
    unfolded: Form = form | token["_method"] | held | own
    return unfolded


def join(form: Form, intent: Json) -> None:
    """Have the token that a form names show the intent that it was used for."""
    if form.get("confirmation_token"):
        token = store.get(KIND, form["confirmation_token"])
        objects.change(token, **{intent["object"]: intent["id"]})


def _new(form: Form) -> Json:
    named, data = form.get("payment_method"), form.get("payment_method_data")
    if bool(named) == bool(data):
        raise InvalidRequest(
            "You must provide one of payment_method or payment_method_data.",
            code=None if named else "parameter_missing",
            param="payment_method",
        )
    kind = (data or {}).get("type", "card")
    if kind not in ("card", "sepa_debit"):
        raise NotEmulated(f"confirmation tokens of {kind}", param="payment_method_data[type]")
    with undo.rehearsal():
        method = payment_methods.named(named, "payment_method") if named else method_forms.new(data or {})
        kept = ("allow_redisplay", "billing_details", "customer", "type", method["type"])
        preview = {key: method.get(key) for key in kept}
    return objects.create(
        KIND,
        expires_at=clock.now() + LIVES,
        payment_method_options=form.get("payment_method_options"),
        payment_method_preview=preview,
        return_url=form.get("return_url"),
        setup_future_usage=form.get("setup_future_usage"),
        shipping=form.get("shipping"),
        use_stripe_sdk=True,
        _method={"payment_method": named} if named else {"payment_method_data": data},
        _used=False,
    )
