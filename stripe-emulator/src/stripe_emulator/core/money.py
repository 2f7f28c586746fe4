"""Amounts in Stripe's smallest units: which currencies there are, what is too little, how it reads.

Stripe's table is its own and not ISO's in every row. https://docs.stripe.com/currencies
"""

from __future__ import annotations

from stripe_emulator.core.errors import InvalidRequest

_ZERO = "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf"
_TWO = """
aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd bwp byn bzd cad cdf chf cny
cop crc cve czk dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnl htg huf idr ils inr jmd
kes kgs khr kyd kzt lak lbp lkr lrd lsl mad mdl mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok
npr nzd pab pen pgk php pkr pln qar ron rsd rub sar sbd scr sek sgd shp sle sos srd std szl thb tjs top
try ttd twd tzs uah usd uyu uzs wst xcd yer zar zmw
"""

#: No decimals: an amount of 500 is 500 yen.
ZERO_DECIMAL = frozenset(_ZERO.split())
#: Three decimals, the last of which must be 0.
THREE_DECIMAL = frozenset(["bhd", "jod", "kwd", "omr", "tnd"])
#: Kept with two decimals for old programs' sake, which must be 00.
WHOLE_ONLY = frozenset(["isk", "ugx"])

CURRENCIES = ZERO_DECIMAL | THREE_DECIMAL | WHOLE_ONLY | frozenset(_TWO.split())

#: The minimum of a charge; 50 of the smallest unit elsewhere.
MINIMUM = {
    "aed": 200,
    "bgn": 100,
    "czk": 1500,
    "dkk": 250,
    "gbp": 30,
    "hkd": 400,
    "huf": 17500,
    "jpy": 50,
    "mxn": 1000,
    "myr": 200,
    "nok": 300,
    "pln": 200,
    "ron": 200,
    "sek": 300,
    "thb": 1000,
}
DEFAULT_MINIMUM = 50

#: How many digits the amount of a charge may have, where that is not ``DIGITS``.
MORE_DIGITS = {"cop": 10, "huf": 10, "idr": 12, "inr": 9, "jpy": 10}
DIGITS = 8

SYMBOLS = {
    "usd": "$",
    "eur": "€",
    "gbp": "£",
    "jpy": "¥",
    "inr": "₹",
    "krw": "₩",
    "brl": "R$",
    "cad": "CA$",
    "aud": "A$",
}


def currency(code: str, param: str = "currency") -> str:
    """The currency in Stripe's spelling, lower case.

    :raises InvalidRequest: Stripe does not take it.
    """
    lower = code.lower()
    if lower not in CURRENCIES:
        raise InvalidRequest(
            f"Invalid currency: {code[:20]}. Stripe currently supports these currencies: "
            + ", ".join(sorted(CURRENCIES)),
            param=param,
        )
    return lower


def check_charge(amount: int, code: str, param: str = "amount") -> None:
    """:raises InvalidRequest: Too little or too much to charge, or no sum of that currency."""
    if amount < 1:
        raise InvalidRequest(
            "This value must be greater than or equal to 1.", code="parameter_invalid_integer", param=param
        )
    minimum = MINIMUM.get(code, DEFAULT_MINIMUM)
    if amount < minimum:
        raise InvalidRequest(
            f"Amount must be at least {text(minimum, code)}.", code="amount_too_small", param=param
        )
    maximum = 10 ** MORE_DIGITS.get(code, DIGITS) - 1
    if amount > maximum:
        raise InvalidRequest(
            f"Amount must be no more than {text(maximum, code)}.", code="amount_too_large", param=param
        )
    if amount % coin(code):
        raise InvalidRequest(
            f"Invalid amount for {code.upper()}: it must end in {'00' if code in WHOLE_ONLY else '0'}.",
            code="invalid_charge_amount",
            param=param,
        )


def coin(code: str) -> int:
    """The smallest part of a currency that is charged, in its smallest unit."""
    return 10 if code in THREE_DECIMAL else 100 if code in WHOLE_ONLY else 1


def text(amount: int, code: str) -> str:
    """A sum as people read it: ``$12.34``, ``¥500``, ``KWD 1.230``."""
    sign = "-" if amount < 0 else ""
    symbol = SYMBOLS.get(code, code.upper() + " ")
    return f"{sign}{symbol}{digits(abs(amount), code)}"


def digits(amount: int, code: str) -> str:
    """The number alone, with the currency's decimals."""
    places = decimals(code)
    return f"{amount / 10**places:,.{places}f}"


def decimals(code: str) -> int:
    """How many decimals a currency's amounts have when people read them."""
    return 0 if code in ZERO_DECIMAL else 3 if code in THREE_DECIMAL else 2
