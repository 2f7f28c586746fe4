"""Top-ups: the account's owner brings money into its balance. https://docs.stripe.com/api/topups"""

from __future__ import annotations

from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.core import money
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest, NotEmulated
from stripe_emulator.core.time import clock, due_work
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.events import objects
from stripe_emulator.payments.balance import balance_transactions

register = Register()

KIND = "topup"

#: Days until the money is there.
ARRIVES_AFTER = 5


@register.post("/v1/topups")
def create(form: Form) -> Json:
    """https://docs.stripe.com/api/topups/create, from the account's own bank"""
    for param in ("payment_method", "payment_method_options", "source"):
        if param in form:
            raise NotEmulated(f"top-ups with {param}", param=param)
    if form["amount"] < 1:
        raise InvalidRequest("Invalid positive integer", code="parameter_invalid_integer", param="amount")
    topup = objects.create(
        KIND,
        event="topup.created",
        amount=form["amount"],
        currency=money.currency(form["currency"]),
        description=form.get("description"),
        expected_availability_date=(clock.now() // clock.DAY + ARRIVES_AFTER) * clock.DAY,
        metadata=form.get("metadata"),
        statement_descriptor=form.get("statement_descriptor"),
        status="pending",
        transfer_group=form.get("transfer_group"),
    )
    due_work.schedule(topup["expected_availability_date"], "topup.succeed", topup["id"])
    return topup


@register.get("/v1/topups/{topup}")
def retrieve(form: Form, topup_id: str) -> Json:
    """https://docs.stripe.com/api/topups/retrieve"""
    return store.get(KIND, topup_id, param="topup")


@register.post("/v1/topups/{topup}")
def update(form: Form, topup_id: str) -> Json:
    """https://docs.stripe.com/api/topups/update"""
    topup = store.get(KIND, topup_id, param="topup")
    return objects.change(topup, **objects.patch(topup, form, ("description",)))


@register.get("/v1/topups")
def list_all(form: Form) -> Json:
    """https://docs.stripe.com/api/topups/list"""
    return lists.page(KIND, form, url="/v1/topups", only=("amount", "status"))


@register.post("/v1/topups/{topup}/cancel")
def cancel(form: Form, topup_id: str) -> Json:
    """https://docs.stripe.com/api/topups/cancel"""
    topup = store.get(KIND, topup_id, param="topup")
    if topup["status"] != "pending":
        raise InvalidRequest(f"A top-up that is {topup['status']} cannot be canceled.")
    due_work.unschedule(topup_id)
    return objects.change(topup, "topup.canceled", status="canceled")


@register.due("topup.succeed")
def arrive(topup_id: str) -> None:
    """The money is there."""
    topup = store.get(KIND, topup_id)
    moved = balance_transactions.record("topup", topup, topup["amount"], at_once=True)
    objects.change(topup, balance_transaction=moved["id"])
    objects.change(topup, "topup.succeeded", status="succeeded")
