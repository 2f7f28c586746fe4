"""In which currency the account's money ends up, and what Stripe keeps of it there.

An account has a balance in each currency that it has a bank account for. What is paid in any other one is
converted to its default currency, and carries an ``exchange_rate``. https://docs.stripe.com/currencies/conversions
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal

from stripe_emulator.core import money
from stripe_emulator.core.database import transactions
from stripe_emulator.core.database.settings import get_setting, put_setting
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.types import Json

#: Name of the setting, and what it is until set: one bank account, in dollars.
SETTING = "settlement"
DOLLARS: Json = {"default": "usd", "currencies": ["usd"]}

_RATES = """
aed 3.67 aud 1.52 bgn 1.8 brl 5 cad 1.36 chf 0.88 czk 23.2 dkk 6.86 eur 0.92 gbp 0.79 hkd 7.8 huf 360 inr 83
mxn 17 myr 4.7 nok 10.7 nzd 1.64 pln 3.95 ron 4.57 sek 10.5 sgd 1.34 thb 35.5 zar 18.5 isk 138 ugx 3800
bif 2850 clp 900 djf 178 gnf 8600 jpy 150 kmf 450 krw 1330 mga 4500 pyg 7300 rwf 1280 vnd 24500 vuv 119
xaf 600 xof 600 xpf 109 bhd 0.376 jod 0.709 kwd 0.307 omr 0.385 tnd 3.1
"""
#: Units of a currency that a dollar buys. They never change, so that a test is the same each time; a currency
#: that is not here costs a dollar.
PER_DOLLAR = {row[:3]: float(row[4:]) for row in re.findall(r"[a-z]{3} [\d.]+", _RATES)}
#: The share of a conversion that Stripe leaves; it shows in the rate.
_LEFT = 0.99

#: What a dispute costs, whoever wins, in the smallest unit of the currency that the account has. Elsewhere as
#: much as 15 dollars are worth.
_FEES = """
aed 6000 aud 2500 brl 5500 cad 1500 chf 2000 dkk 15000 eur 2000 gbp 2000 hkd 8500 jpy 1300 myr 6000 nok 15000
nzd 2500 sek 15000 sgd 1500 usd 1500
"""
_DISPUTE_FEES = {row[:3]: int(row[4:]) for row in re.findall(r"[a-z]{3} \d+", _FEES)}


def configure(settings: Json) -> Json:
    """Choose the currencies that the account has bank accounts for.

    :param settings: ``currencies``, and ``default``: the one of them that others are converted to, by default
        the first. Without either: dollars alone.
    :return: The settings that now hold.
    :raises InvalidRequest: Something else is in it, or the default is none of the currencies.
    """
    if unknown := sorted(settings.keys() - DOLLARS.keys()):
        raise InvalidRequest(
            f"Received unknown parameter: {unknown[0]}", code="parameter_unknown", param=unknown[0]
        )
    default = settings.get("default")
    codes = settings.get("currencies") or ([default] if default else DOLLARS["currencies"])
    if not isinstance(codes, list) or not all(isinstance(code, str) for code in codes):
        raise InvalidRequest("currencies must be a list of codes, such as usd.", param="currencies")
    codes = [money.currency(code, "currencies") for code in codes]
    default = codes[0] if default is None else money.currency(str(default), "default")
    if default not in codes:
        raise InvalidRequest(f"default must be one of currencies: {', '.join(codes)}.", param="default")
    put_setting(SETTING, {"default": default, "currencies": codes})
    transactions.current().memo.pop(SETTING, None)
    return known()


def known() -> Json:
    """The settings that now hold."""
    memo = transactions.current().memo
    if SETTING not in memo:
        memo[SETTING] = get_setting(SETTING, DOLLARS)
    settings: Json = memo[SETTING]
    return settings


def default() -> str:
    """The account's default currency."""
    return str(known()["default"])


def settled(amount: int, currency: str) -> tuple[int, str, float | None]:
    """A sum as it comes to the account's balance: the amount, its currency, and the rate of a conversion."""
    settings = known()
    if currency in settings["currencies"]:
        return amount, currency, None
    target = settings["default"]
    rate = _rate(currency, target, _LEFT)
    return _times(amount, rate), target, rate


def charge_fee(amount: int, currency: str) -> int:
    """What Stripe keeps of a charge, of its sum in the account's currency: 2.9 % and 30 cents."""
    fixed = 30 if money.decimals(currency) == 2 else _times(30, _rate("usd", currency))
    return (amount * 29 + 500) // 1000 + fixed


def dispute_fee(currency: str) -> int:
    """What a dispute costs in the account's currency."""
    return _DISPUTE_FEES.get(currency) or _times(1500, _rate("usd", currency))


def _rate(currency: str, target: str, left: float = 1) -> float:
    """How many of the target's smallest units one of the currency's is worth, to six digits."""
    dollars = PER_DOLLAR.get(target, 1) / PER_DOLLAR.get(currency, 1)
    units = 10 ** (money.decimals(target) - money.decimals(currency))
    return float(f"{dollars * units * left:.6g}")


def _times(amount: int, rate: float) -> int:
    return int((amount * Decimal(str(rate))).quantize(Decimal(1), ROUND_HALF_UP))
