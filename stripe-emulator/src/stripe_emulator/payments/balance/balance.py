"""The account's balance. https://docs.stripe.com/api/balance"""

from __future__ import annotations

from stripe_emulator.api.register import Register
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.payments.balance import balance_transactions

register = Register()


@register.get("/v1/balance")
def retrieve(form: Form) -> Json:
    """https://docs.stripe.com/api/balance/balance_retrieve"""
    return balance_transactions.balance()
