"""Amounts in Stripe's smallest unit, and how people read them.

The tables are Stripe's, which is not ISO's in every row: https://docs.stripe.com/currencies
"""

from __future__ import annotations

ZERO_DECIMAL = frozenset(
    ("bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf")
)
THREE_DECIMAL = frozenset(("bhd", "jod", "kwd", "omr", "tnd"))

#: Currencies without a smaller coin that Stripe still takes with two decimals, both zero.
WHOLE_BUT_TWO_DECIMAL = frozenset({"isk", "ugx"})

#: The smallest amount that Stripe charges where it pays out in the same currency.
#: https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts
MIN_CHARGE_MINOR = {
    "aed": 200,
    "bgn": 100,
    "czk": 1_500,
    "dkk": 250,
    "gbp": 30,
    "hkd": 400,
    "huf": 17_500,
    "mxn": 1_000,
    "myr": 200,
    "nok": 300,
    "pln": 200,
    "ron": 200,
    "sek": 300,
    "thb": 1_000,
}

#: That of currencies that do not stand above.
DEFAULT_MIN_CHARGE_MINOR = 50

SYMBOLS = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥", "krw": "₩", "inr": "₹", "ils": "₪", "vnd": "₫"}


def decimals(currency: str) -> int:
    """How many digits of an amount stand behind the point."""
    return 0 if currency in ZERO_DECIMAL else 3 if currency in THREE_DECIMAL else 2


def check(amount_minor: int, currency: str) -> None:
    """Refuse an amount that Stripe would refuse for being too fine.

    :raises ValueError: The currency is no code in small letters, or the amount is finer than its coins.
    """
    if not (len(currency) == 3 and currency.isascii() and currency.isalpha() and currency.islower()):
        raise ValueError(f"currency {currency!r}: three small letters, such as 'usd'")
    step = 10 if currency in THREE_DECIMAL else 100 if currency in WHOLE_BUT_TWO_DECIMAL else 1
    if amount_minor % step:
        raise ValueError(f"{amount_minor} {currency}: Stripe takes multiples of {step} only")


def min_charge_minor(currency: str) -> int:
    """The smallest amount that Stripe charges."""
    return MIN_CHARGE_MINOR.get(currency, DEFAULT_MIN_CHARGE_MINOR)


def charged(owed_minor: int, currency: str) -> int:
    """How much of this Stripe charges: what is below its minimum waits for the next invoice."""
    return owed_minor if owed_minor >= min_charge_minor(currency) else 0


def show(amount_minor: int, currency: str) -> str:
    """``$1,234.50``, ``¥1,235`` or ``1.250 KWD``; a minus in front of what is negative."""
    places = decimals(currency)
    whole, part = divmod(abs(amount_minor), 10**places)
    number = f"{whole:,}.{part:0{places}}" if places else f"{whole:,}"
    sign = "-" if amount_minor < 0 else ""
    symbol = SYMBOLS.get(currency)
    return f"{sign}{symbol}{number}" if symbol else f"{sign}{number} {currency.upper()}"
