"""What moved a customer's balance; credit is negative. https://docs.stripe.com/api/customer_balance_transactions"""

from __future__ import annotations

from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.billing.invoices import invoices
from stripe_emulator.core import money
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import NotFound, no_such
from stripe_emulator.core.time import clock
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.events import objects
from stripe_emulator.payments.customers import customers

register = Register()

KIND = "customer_balance_transaction"


@register.post("/v1/customers/{customer}/balance_transactions")
def create(form: Form, customer_id: str) -> Json:
    """https://docs.stripe.com/api/customer_balance_transactions/create"""
    customer = customers.alive(customer_id)
    clock.live_with(customer)
    return invoices.change_balance(
        customer,
        form["amount"],
        "adjustment",
        money.currency(form["currency"]),
        description=form.get("description"),
        metadata=form.get("metadata"),
    )


@register.get("/v1/customers/{customer}/balance_transactions/{transaction}")
def retrieve(form: Form, customer_id: str, transaction_id: str) -> Json:
    """https://docs.stripe.com/api/customer_balance_transactions/retrieve"""
    return _transaction(customer_id, transaction_id)


@register.post("/v1/customers/{customer}/balance_transactions/{transaction}")
def update(form: Form, customer_id: str, transaction_id: str) -> Json:
    """https://docs.stripe.com/api/customer_balance_transactions/update; the amount never changes."""
    transaction = _transaction(customer_id, transaction_id)
    return objects.change(transaction, **objects.patch(transaction, form, ("description",)))


@register.get("/v1/customers/{customer}/balance_transactions")
def list_all(form: Form, customer_id: str) -> Json:
    """https://docs.stripe.com/api/customer_balance_transactions/list"""
    store.get("customer", customer_id)
    url = f"/v1/customers/{customer_id}/balance_transactions"
    return lists.page(KIND, form, url=url, where={"customer": customer_id}, only=("invoice",))


def _transaction(customer: str, transaction: str) -> Json:
    store.get("customer", customer)
    moved = store.get(KIND, transaction, param="transaction")
    if moved["customer"] != customer:
        raise NotFound(no_such(KIND, transaction), code="resource_missing", param="transaction")
    return moved
