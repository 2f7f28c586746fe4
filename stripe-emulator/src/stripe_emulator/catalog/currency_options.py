"""A price in several currencies. https://docs.stripe.com/payments/checkout/localize-prices/manual-currency-prices

Its own currency is the one that the price shows; the others are options of it.
"""

from __future__ import annotations

from stripe_emulator.core import money
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.types import Json

#: What a price is in one currency.
SHOWN = ("custom_unit_amount", "tax_behavior", "unit_amount", "unit_amount_decimal")


def shown(price: Json) -> Json:
    """What the price is in each of its currencies."""
    prices = {price["currency"]: price} | (price.get("_currency_options") or {})
    return {currency: {key: option[key] for key in SHOWN} for currency, option in prices.items()}


def supports(price: Json, currency: str) -> bool:
    """Whether something can be bought in this currency at a price."""
    return currency == price["currency"] or currency in (price.get("_currency_options") or {})


def must_support(price: Json, currency: str, param: str) -> None:
    """:raises InvalidRequest: The price has no such currency."""
    if not supports(price, currency):
        known = ", ".join([price["currency"], *(price.get("_currency_options") or {})])
        raise InvalidRequest(
            f"The price specified supports only the currency {known}."
            if "," not in known
            else f"The price specified only supports these currencies: {known}.",
            code="currency_mismatch",
            param=param,
        )


def within(price: Json, currency: str) -> Json:
    """The price as it is in a currency that it supports; any other one gets its own."""
    option = (price.get("_currency_options") or {}).get(currency)
    return price if option is None or currency == price["currency"] else price | option


def chosen(prices: list[Json], wanted: str | None, param: str) -> str:
    """The currency that things are bought in together: what is wanted, or the first price's own.

    :raises InvalidRequest: A price has no such currency.
    """
    currency = str(prices[0]["currency"]) if wanted is None else money.currency(wanted)
    for price in prices:
        must_support(price, currency, param)
    return currency
