"""A customer's cash balance, which bank transfers fill. Nobody sends one here, so that it is empty.

https://docs.stripe.com/api/cash_balance
"""

from __future__ import annotations

from stripe_emulator import contract
from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import NotFound, no_such
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.events import objects

register = Register()

#: How transfers are applied where nobody chose.
DEFAULT = "automatic"


@register.get("/v1/customers/{customer}/cash_balance")
def retrieve(form: Form, customer_id: str) -> Json:
    """https://docs.stripe.com/api/cash_balance/retrieve"""
    return _balance(store.get("customer", customer_id, param="customer"))


@register.post("/v1/customers/{customer}/cash_balance")
def update(form: Form, customer_id: str) -> Json:
    """https://docs.stripe.com/api/cash_balance/update; ``merchant_default`` forgets what was chosen."""
    customer = store.get("customer", customer_id, param="customer")
    mode = (form.get("settings") or {}).get("reconciliation_mode")
    if mode is not None:
        objects.change(customer, _reconciliation=None if mode == "merchant_default" else mode)
    return _balance(customer)


@register.get("/v1/customers/{customer}/cash_balance_transactions")
def list_transactions(form: Form, customer_id: str) -> Json:
    """https://docs.stripe.com/api/cash_balance_transactions/list"""
    store.get("customer", customer_id, param="customer")
    return lists.slice_of([], form, url=f"/v1/customers/{customer_id}/cash_balance_transactions")


@register.get("/v1/customers/{customer}/cash_balance_transactions/{transaction}")
def retrieve_transaction(form: Form, customer_id: str, transaction_id: str) -> Json:
    """https://docs.stripe.com/api/cash_balance_transactions/retrieve"""
    store.get("customer", customer_id, param="customer")
    kind = "customer cash balance transaction"
    raise NotFound(no_such(kind, transaction_id), code="resource_missing", param="transaction")


@register.includable("customer", "cash_balance")
def of_customer(customer: Json) -> Json:
    """The balance, shown when asked for."""
    return _balance(customer)


def _balance(customer: Json) -> Json:
    chosen = customer.get("_reconciliation")
    return contract.blank("cash_balance") | {
        "available": None,
        "customer": customer["id"],
        "livemode": False,
        "settings": {"reconciliation_mode": chosen or DEFAULT, "using_merchant_default": chosen is None},
    }
