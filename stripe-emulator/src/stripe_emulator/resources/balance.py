"""The account's balance. https://docs.stripe.com/api/balance"""

from __future__ import annotations

from stripe_emulator.resources import balance_transactions
from stripe_emulator.routing import get
from stripe_emulator.store import Json
from stripe_emulator.wire import Form


@get("/v1/balance")
def retrieve(form: Form) -> Json:
    """https://docs.stripe.com/api/balance/balance_retrieve"""
    return balance_transactions.balance()
