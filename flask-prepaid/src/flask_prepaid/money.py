"""Amounts in Stripe's smallest unit, and how people read them.

The tables are Stripe's, which is not ISO's in every row: https://docs.stripe.com/currencies
"""

from __future__ import annotations

from decimal import Decimal

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

#: The largest amount that Stripe charges has eight digits where these are paid, and at most twelve elsewhere.
EIGHT_DIGITS = frozenset(("aud", "cad", "chf", "eur", "gbp", "hkd", "mxn", "nzd", "sgd", "usd"))

#: The codes of currencies that money is in today (ISO 4217).
CURRENCIES = frozenset(
    """
    aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd btn bwp byn bzd
    cad cdf chf clp cny cop crc cup cve czk djf dkk dop dzd egp ern etb eur fjd fkp gbp gel ghs gip gmd
    gnf gtq gyd hkd hnl htg huf idr ils inr iqd irr isk jmd jod jpy kes kgs khr kmf kpw krw kwd kyd kzt
    lak lbp lkr lrd lsl lyd mad mdl mga mkd mmk mnt mop mru mur mvr mwk mxn myr mzn nad ngn nio nok npr
    nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sdg sek sgd shp sle sos srd ssp
    stn std svc syp szl thb tjs tmt tnd top try ttd twd tzs uah ugx usd uyu uzs ves vnd vuv wst xaf
    xcd xcg xof xpf yer zar zmw zwg
    """.split()  # noqa: SIM905
)

#: Digits behind those of the currency, for the price of one of many.
FINER = 2

SYMBOLS = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥", "krw": "₩", "inr": "₹", "ils": "₪", "vnd": "₫"}


def decimals(currency: str) -> int:
    """How many digits of an amount stand behind the point."""
    return 0 if currency in ZERO_DECIMAL else 3 if currency in THREE_DECIMAL else 2


def step(currency: str) -> int:
    """The coarsest part of its smallest unit that Stripe takes amounts of this currency in."""
    return 10 if currency in THREE_DECIMAL else 100 if currency in WHOLE_BUT_TWO_DECIMAL else 1


def check(amount_minor: int, currency: str) -> None:
    """Refuse an amount that Stripe would refuse for being too fine.

    :raises ValueError: The amount is finer than the coins of its currency.
    """
    if amount_minor % step(currency):
        raise ValueError(
            f"{show(amount_minor, currency)} is finer than Stripe takes: "
            f"write a multiple of {show(step(currency), currency)}"
        )


def min_charge_minor(currency: str) -> int:
    """The smallest amount that Stripe charges in this currency, in its smallest unit."""
    least = MIN_CHARGE_MINOR.get(currency, DEFAULT_MIN_CHARGE_MINOR)
    return -(-least // step(currency)) * step(currency)


def max_charge_minor(currency: str) -> int:
    """The largest amount that Stripe charges in this currency, in its smallest unit."""
    most = 99_999_999 if currency in EIGHT_DIGITS else 999_999_999_999
    return most // step(currency) * step(currency)


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


def decimal(amount_minor: int, currency: str) -> str:
    """An amount as programs and forms read it: ``1234.50``."""
    places = decimals(currency)
    return f"{Decimal(amount_minor).scaleb(-places):.{places}f}"


def each(amount_minor: int, count: int, currency: str) -> str:
    """What one of so many costs, as people read it: ``$0.90``, or ``$0.0125`` if it is so fine."""
    whole, rest = divmod(amount_minor, count)
    if not rest:
        return show(whole, currency)
    places = decimals(currency) + FINER
    price = (Decimal(amount_minor).scaleb(-decimals(currency)) / count).quantize(Decimal(1).scaleb(-places))
    symbol = SYMBOLS.get(currency)
    return f"{symbol}{price:,}" if symbol else f"{price:,} {currency.upper()}"
