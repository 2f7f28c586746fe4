"""What Stripe says when it does not do what it was asked.

StripeError                                                     status, type
├── InvalidRequest         a parameter or a state is wrong      400, invalid_request_error
│   ├── NotFound           no such object, or no such URL       404
│   └── NotEmulated        Stripe has it, we don't              501
├── Unauthenticated        no key, or not one of ours           401, invalid_request_error
├── NoSuchAccount          another account was asked for        403, invalid_request_error
├── CardError              the bank said no; what was recorded  402, card_error
│                          of the attempt stays
├── IdempotencyError       a key came back with other work      400, idempotency_error
├── KeyInUse               the first request still runs         409, idempotency_error
├── RateLimited            too many at once                     429, invalid_request_error
└── Unavailable            Stripe is having a bad day           500, api_error

A resource raises them; ``app.py`` answers with ``envelope``.
"""

from __future__ import annotations

from typing import Any, ClassVar

DOCS = "https://stripe.com/docs/error-codes/"


class StripeError(Exception):
    """One of Stripe's refusals. ``extra`` goes into the envelope as it is."""

    status: ClassVar[int] = 400
    type: ClassVar[str] = "invalid_request_error"
    #: What was written before it was raised stays: a declined charge is a fact.
    keeps_work: ClassVar[bool] = False
    headers: ClassVar[dict[str, str]] = {}

    def __init__(
        self, message: str, *, code: str | None = None, param: str | None = None, **extra: Any
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.param = param
        self.extra = extra

    def envelope(self, request_id: str, *, logs: str | None = None) -> dict[str, Any]:
        """The body that Stripe would answer: ``{"error": {...}}``.

        :param logs: Where the request is shown; its id follows. None where it is not logged.
        """
        error: dict[str, Any] = {}
        if self.code is not None:
            error |= {"code": self.code, "doc_url": DOCS + self.code.replace("_", "-")}
        error["message"] = self.message
        if self.param is not None:
            error["param"] = self.param
        if logs is not None:
            error["request_log_url"] = logs + request_id
        error["type"] = self.type
        return {"error": error | self.extra}


class InvalidRequest(StripeError):
    """A parameter, or the state of the object, does not allow it."""


class NotFound(InvalidRequest):
    """The object or the URL in the path does not exist."""

    status = 404


class NotEmulated(InvalidRequest):
    """Stripe has this and the emulator does not: said by name, never a silent success."""

    status = 501
    headers: ClassVar[dict[str, str]] = {"Stripe-Should-Retry": "false"}

    def __init__(self, what: str, **details: Any) -> None:
        super().__init__(
            f"stripe-emulator does not do this yet: {what}. Stripe itself does.",
            code="not_emulated",
            **details,
        )


class Unauthenticated(StripeError):
    """No key, one that opens nothing here, or a publishable one where a secret one is needed."""

    status = 401
    headers: ClassVar[dict[str, str]] = {"WWW-Authenticate": 'Basic realm="Stripe"'}


class NoSuchAccount(StripeError):
    """The header named another account; there is but one, and no Connect."""

    status = 403


class CardError(StripeError):
    """The bank said no. ``decline_code``, ``payment_intent`` and the like come as extra."""

    status = 402
    type = "card_error"
    keeps_work = True


class IdempotencyError(StripeError):
    """A key that was used before came with another request."""

    type = "idempotency_error"


class KeyInUse(StripeError):
    """The first request with this key has not been answered yet."""

    status = 409
    type = "idempotency_error"


class RateLimited(StripeError):
    """Nothing was done; ask again later."""

    status = 429


class Unavailable(StripeError):
    """What was done, if anything, is not said."""

    status = 500
    type = "api_error"


#: How Stripe writes a kind in "No such ...", where that is not the object's own name.
SPOKEN = {
    "billing.credit_balance_transaction": "credit balance transaction",
    "billing.credit_grant": "credit grant",
    "billing.meter": "billing meter",
    "checkout.session": "checkout session",
    "entitlements.active_entitlement": "active entitlement",
    "entitlements.feature": "entitlement feature",
    "confirmation_token": "confirmationtoken",
    "ephemeral_key": "ephemeral key",
    "file": "file upload",
    "file_link": "file link",
    "payment_link": "payment link",
    "payment_method": "PaymentMethod",
    "payment_method_configuration": "payment method configuration",
    "payment_method_domain": "payment method domain",
    "promotion_code": "promotion code",
    "product_feature": "product feature",
    "radar.early_fraud_warning": "early fraud warning",
    "setup_intent": "setupintent",
    "shipping_rate": "shipping rate",
    "tax.calculation": "tax calculation",
    "tax.transaction": "tax transaction",
    "tax_code": "tax code",
    "tax_id": "tax ID",
    "test_helpers.test_clock": "test clock",
    "webhook_endpoint": "webhook endpoint",
}


def only_one_of(*names: str, param: str | None = None) -> InvalidRequest:
    """The error of parameters that exclude each other; ``param`` is the one that it names."""
    return InvalidRequest(f"You may only specify one of these parameters: {', '.join(names)}.", param=param)


def several_intervals(param: str) -> InvalidRequest:
    """The error of prices with several intervals, where they would be billed together and can't be."""
    return InvalidRequest(
        "Currently, all prices on a subscription must have the same `recurring.interval` and"
        " `recurring.interval_count`. If you meant to update an existing price on a subscription instead of"
        " add a new one, make sure to include the subscription item ID of the existing price.",
        param=param,
    )


def no_such(kind: str, object_id: str) -> str:
    """The sentence, such as ``No such customer: 'cus_x'``."""
    return f"No such {SPOKEN.get(kind, kind)}: '{object_id}'"
