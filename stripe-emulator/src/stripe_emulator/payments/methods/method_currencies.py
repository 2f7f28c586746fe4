"""Payment methods that take some currencies alone. https://docs.stripe.com/payments/payment-methods/payment-method-support"""

from __future__ import annotations

from collections.abc import Iterable

from stripe_emulator.core.errors import InvalidRequest

#: What a kind of payment method takes. One that is not here is not known to refuse a currency.
ONLY: dict[str, tuple[str, ...]] = {
    "acss_debit": ("cad", "usd"),
    "au_becs_debit": ("aud",),
    "bacs_debit": ("gbp",),
    "bancontact": ("eur",),
    "bizum": ("eur",),
    "blik": ("pln",),
    "boleto": ("brl",),
    "cashapp": ("usd",),
    "eps": ("eur",),
    "fpx": ("myr",),
    "giropay": ("eur",),
    "ideal": ("eur",),
    "konbini": ("jpy",),
    "mb_way": ("eur",),
    "multibanco": ("eur",),
    "nz_bank_account": ("nzd",),
    "oxxo": ("mxn",),
    "p24": ("eur", "pln"),
    "paynow": ("sgd",),
    "payto": ("aud",),
    "pix": ("brl",),
    "promptpay": ("thb",),
    "sepa_debit": ("eur",),
    "sofort": ("eur",),
    "swish": ("sek",),
    "twint": ("chf",),
    "us_bank_account": ("usd",),
}


def check(kinds: Iterable[str], currency: str | None) -> None:
    """For the kinds that an intent takes.

    :param currency: None for a SetupIntent, which has none.
    :raises InvalidRequest: One of them can't be paid in this currency.
    """
    for kind, only in refusing(kinds, currency) if currency else ():
        raise InvalidRequest(
            f"The currency provided ({currency}) is invalid for one or more payment method types on this"
            f" PaymentIntent. The payment method type {kind} only supports the following currencies:"
            f" {', '.join(only)}. Either correct the provided currency, or use a different PaymentIntent to"
            " accept this payment method type.",
            param="currency",
        )


def check_session(kinds: Iterable[str], currency: str) -> None:
    """For the kinds that a Checkout Session offers.

    :raises InvalidRequest: One of them can't be paid in this currency.
    """
    for kind, only in refusing(kinds, currency):
        raise InvalidRequest(
            f"Invalid currency options `{currency}`. The payment method `{kind}` only supports the following"
            f" currencies: {', '.join(f'`{code}`' for code in only)}.",
            param="payment_method_types",
        )


def refusing(kinds: Iterable[str], currency: str) -> list[tuple[str, tuple[str, ...]]]:
    """The kinds that can't be paid in a currency, each with those that it takes."""
    return [(kind, ONLY[kind]) for kind in kinds if kind in ONLY and currency not in ONLY[kind]]
