"""What currencies are worth, as conversions here take it. https://docs.stripe.com/api/exchange_rates"""

from __future__ import annotations

from stripe_emulator import contract
from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.core import money
from stripe_emulator.core.errors import NotFound, no_such
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.payments.account import settlement

register = Register()


@register.get("/v1/exchange_rates/{rate_id}")
def retrieve(form: Form, currency: str) -> Json:
    """https://docs.stripe.com/api/exchange_rates/retrieve"""
    if currency not in money.CURRENCIES:
        raise NotFound(no_such("exchange_rate", currency), code="resource_missing", param="rate_id")
    return _rates_of(currency)


@register.get("/v1/exchange_rates")
def list_all(form: Form) -> Json:
    """https://docs.stripe.com/api/exchange_rates/list"""
    return lists.slice_of(list(map(_rates_of, sorted(money.CURRENCIES))), form, url="/v1/exchange_rates")


def _rates_of(currency: str) -> Json:
    """What one unit of a currency is worth in each other one."""
    own = settlement.PER_DOLLAR.get(currency, 1)
    rates = {
        other: float(f"{settlement.PER_DOLLAR.get(other, 1) / own:.6g}") for other in sorted(money.CURRENCIES)
    }
    return contract.blank("exchange_rate") | {"id": currency, "rates": rates}
