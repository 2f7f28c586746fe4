"""Payouts: the account's money goes to its bank. https://docs.stripe.com/api/payouts"""

from __future__ import annotations

from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.core import descriptors, money
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.time import clock, due_work
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form, without_effect
from stripe_emulator.events import events, objects
from stripe_emulator.payments.balance import balance_transactions

register = Register()

#: Days until the bank has it.
ARRIVES_AFTER = 2


@register.post("/v1/payouts")
def create(form: Form) -> Json:
    """https://docs.stripe.com/api/payouts/create"""
    code = money.currency(form["currency"])
    if form["amount"] < 1:
        raise InvalidRequest("Invalid positive integer", code="parameter_invalid_integer", param="amount")
    if form["amount"] > available(code):
        raise InvalidRequest(
            "You have insufficient funds in your Stripe account for this transfer. Your card balance is too"
            " low. You can use the the /v1/balance endpoint to view your Stripe balance (for more details,"
            " see stripe.com/docs/api#balance).",
            code="balance_insufficient",
        )
    descriptors.check(form.get("statement_descriptor"), "statement_descriptor")
    instant = form.get("method") == "instant"
    arrival = clock.now() if instant else (clock.now() // clock.DAY + ARRIVES_AFTER) * clock.DAY
    payout = objects.create(
        "payout",
        amount=form["amount"],
        arrival_date=arrival,
        automatic=False,
        currency=code,
        description=form.get("description"),
        destination=None,
        metadata=form.get("metadata"),
        method=form.get("method", "standard"),
        reconciliation_status="not_applicable",
        source_type=form.get("source_type", "card"),
        statement_descriptor=form.get("statement_descriptor"),
        status="pending",
        trace_id={"status": "pending", "value": None},
        type="bank_account",
    )
    moved = balance_transactions.record(
        "payout", payout, -payout["amount"], at_once=True, description="STRIPE PAYOUT"
    )
    objects.change(payout, balance_transaction=moved["id"])
    events.emit("payout.created", payout)
    due_work.schedule(arrival, "payout.paid", payout["id"])
    return payout


@register.get("/v1/payouts/{payout}")
def retrieve(form: Form, payout_id: str) -> Json:
    """https://docs.stripe.com/api/payouts/retrieve"""
    return store.get("payout", payout_id, param="payout")


@register.post("/v1/payouts/{payout}")
def update(form: Form, payout_id: str) -> Json:
    """https://docs.stripe.com/api/payouts/update"""
    payout = store.get("payout", payout_id, param="payout")
    return objects.change(payout, "payout.updated", **objects.patch(payout, form, ()))


@register.post("/v1/payouts/{payout}/cancel")
def cancel(form: Form, payout_id: str) -> Json:
    """https://docs.stripe.com/api/payouts/cancel"""
    payout = store.get("payout", payout_id, param="payout")
    if payout["status"] != "pending":
        raise InvalidRequest(
            f"A payout that is {payout['status']} cannot be canceled.", code="payout_not_allowed"
        )
    due_work.unschedule(payout["id"])
    moved = balance_transactions.record(
        "payout_cancel", payout, payout["amount"], at_once=True, description="STRIPE PAYOUT CANCELED"
    )
    objects.change(payout, failure_balance_transaction=moved["id"])
    return objects.change(payout, "payout.canceled", status="canceled")


@register.post("/v1/payouts/{payout}/reverse")
def reverse(form: Form, payout_id: str) -> Json:
    """https://docs.stripe.com/api/payouts/reverse: of connected accounts alone, and there are none."""
    without_effect(form, "metadata")
    store.get("payout", payout_id, param="payout")
    raise InvalidRequest(
        "You can only reverse payouts of connected accounts to US and Canadian bank accounts.",
        code="payout_not_allowed",
        param="payout",
    )


@register.get("/v1/payouts")
def list_all(form: Form) -> Json:
    """https://docs.stripe.com/api/payouts/list"""
    only = ("status", "destination", "arrival_date")
    return lists.page("payout", form, url="/v1/payouts", only=only)


def available(currency: str) -> int:
    """What can be paid out in a currency."""
    balances = balance_transactions.balance()["available"]
    return int(next((row["amount"] for row in balances if row["currency"] == currency), 0))


@register.due("payout.paid")
def arrive(payout_id: str) -> None:
    """The bank has the money; or the account had not enough, and the payout fails."""
    payout = store.get("payout", payout_id)
    if available(payout["currency"]) >= 0:
        objects.change(payout, "payout.paid", status="paid")
        return
    moved = balance_transactions.record(
        "payout_failure", payout, payout["amount"], at_once=True, description="STRIPE PAYOUT FAILED"
    )
    objects.change(
        payout,
        "payout.failed",
        failure_balance_transaction=moved["id"],
        failure_code="insufficient_funds",
        failure_message="Your Stripe account has insufficient funds to cover the payout.",
        status="failed",
    )
