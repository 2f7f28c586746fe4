"""Which kinds of payment methods there are, for who names them. Older versions let callers name any.

https://docs.stripe.com/api/payment_methods/object#payment_method_object-type
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from stripe_emulator import contract
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.wire import Form

#: Hashes of a payment method that are no kind of it.
_NO_KINDS = {"billing_details", "radar_options"}


@cache
def known() -> frozenset[str]:
    """Every kind: a payment method has a hash for each."""
    return contract.hashes("payment_method") - _NO_KINDS


def check(kinds: Iterable[str] | None, code: str | None = None) -> None:
    """For what an intent is to take by ``payment_method_types``.

    :param code: Of the error.
    :raises InvalidRequest: One of them is no kind of payment method.
    """
    for kind in kinds or ():
        if kind not in known():
            raise InvalidRequest(
                f'The payment method type "{kind}" is invalid. Please ensure the provided type is activated'
                " in your dashboard (https://dashboard.stripe.com/account/payments/settings) and your account"
                " is enabled for any preview features that you are trying to use. See"
                " https://docs.stripe.com/payments/payment-methods/integration-options for supported payment"
                " method, currency, country, and business use case combinations.",
                code=code,
                param="payment_method_types",
            )


def check_session(kinds: Iterable[str] | None) -> None:
    """For what a Checkout Session is to take by ``payment_method_types``.

    :raises InvalidRequest: One of them is no kind of payment method.
    """
    for number, kind in enumerate(kinds or ()):
        if kind not in known():
            param = f"payment_method_types[{number}]"
            raise InvalidRequest(f"Invalid {param}: must be one of {', '.join(sorted(known()))}", param=param)


def check_descriptor(form: Form, kinds: Iterable[str] | None, param: str = "statement_descriptor") -> None:
    """What stands on a card's statement is the account's own name, and a suffix.

    :param kinds: What takes the payment, as far as somebody chose it.
    :raises InvalidRequest: A whole descriptor for a card.
    """
    if form.get("statement_descriptor") and "card" in (kinds or ()):
        raise InvalidRequest(
            "The `statement_descriptor` parameter is not supported for the `card` payment method type. Use"
            " `statement_descriptor_suffix` instead.",
            param=param,
        )
