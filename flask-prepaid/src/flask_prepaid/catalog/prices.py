"""What a price may be: a currency that Stripe has, and an amount that it charges."""

from __future__ import annotations

from .. import checks, money
from ..errors import ConfigError


def check_currency(where: str, currency: object) -> None:
    if not isinstance(currency, str) or currency not in money.CURRENCIES:
        code = str(currency).lower()
        near = checks.did_you_mean(code, money.CURRENCIES) if len(code) < 6 else ""  # a word is near to any
        checks.refuse(where, currency, f"{near}Write a code of three small letters, such as 'usd'.")


def check_price(where: str, amount: object, currency: str, *, free: bool = False, times: int = 1) -> None:
    """An amount that Stripe charges.

    :param free: Whether it may be 0.
    :param times: How many times over it may be charged at once.
    """
    least, most = money.min_charge_minor(currency), money.max_charge_minor(currency) // times
    number = checks.whole(
        where,
        amount,
        min=0 if free else 1,
        max=most,
        hint=f"It is in the smallest unit: {1234 * money.step(currency)} is "
        f"{money.show(1234 * money.step(currency), currency)}.",
    )
    check_coins(where, number, currency)
    if number < least and not (free and number == 0):
        raise ConfigError(
            f"{where} is {number}, {money.show(number, currency)}. Stripe charges nothing below "
            f"{money.show(least, currency)}: write {least} or more. It is in the smallest unit."
        )


def check_coins(where: str, amount: int, currency: str) -> None:
    try:
        money.check(amount, currency)
    except ValueError as too_fine:
        raise ConfigError(f"{where} is {amount}. {too_fine}.") from None
