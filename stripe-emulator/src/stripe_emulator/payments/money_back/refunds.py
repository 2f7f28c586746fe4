"""Refunds: money back to the card. https://docs.stripe.com/api/refunds"""

from __future__ import annotations

from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest, only_one_of
from stripe_emulator.core.time import clock, due_work
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.events import events, objects
from stripe_emulator.payments.balance import balance_transactions
from stripe_emulator.payments.methods import payment_methods
from stripe_emulator.payments.money_back import early_fraud_warnings, reviews

register = Register()

#: Seconds until the bank's late word on the cards that have one.
DECIDED_AFTER = 60


@register.post("/v1/refunds")
def create(form: Form) -> Json:
    """https://docs.stripe.com/api/refunds/create"""
    if "charge" in form and "payment_intent" in form:
        raise only_one_of("charge", "payment_intent", param="payment_intent")
    charge = _charge(form)
    left = charge["amount_captured"] - returned(charge)
    if left == 0 and charge["amount_captured"]:
        raise InvalidRequest(
            f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded"
        )
    amount: int = form.get("amount", left)
    if amount < 1:
        raise InvalidRequest("Invalid positive integer", code="parameter_invalid_integer", param="amount")
    if amount > left:
        raise InvalidRequest(
            f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})",
            code="amount_too_large",
            param="amount",
        )
    _check_refundable(charge)
    return new(charge, amount, form)


@register.get("/v1/refunds/{refund}")
def retrieve(form: Form, refund_id: str) -> Json:
    """https://docs.stripe.com/api/refunds/retrieve"""
    return store.get("refund", refund_id, param="refund")


@register.post("/v1/refunds/{refund}")
def update(form: Form, refund_id: str) -> Json:
    """https://docs.stripe.com/api/refunds/update"""
    refund = store.get("refund", refund_id, param="refund")
    return _change(refund, **objects.patch(refund, form, ()))


@register.post("/v1/refunds/{refund}/cancel")
def cancel(form: Form, refund_id: str) -> Json:
    """https://docs.stripe.com/api/refunds/cancel: only one that waits for its customer; no card's does."""
    refund = store.get("refund", refund_id, param="refund")
    if refund["status"] != "requires_action":
        raise InvalidRequest(
            f"A refund with a status of {refund['status']} cannot be canceled; requires_action is needed."
        )
    take_back(refund, "canceled", None)
    return refund


@register.get("/v1/refunds")
def list_all(form: Form) -> Json:
    """https://docs.stripe.com/api/refunds/list"""
    return lists.page("refund", form, url="/v1/refunds", only=("charge", "payment_intent"))


@register.get("/v1/charges/{charge}/refunds", documented=False, reads_as="GET /v1/refunds")
def list_of_charge(form: Form, charge_id: str) -> Json:
    """https://docs.stripe.com/api/refunds/list, for one charge"""
    store.get("charge", charge_id)
    return lists.page("refund", form, url=f"/v1/charges/{charge_id}/refunds", where={"charge": charge_id})


@register.get("/v1/charges/{charge}/refunds/{refund}", documented=False, reads_as="GET /v1/refunds/x")
def retrieve_of_charge(form: Form, charge_id: str, refund_id: str) -> Json:
    """https://docs.stripe.com/api/refunds/retrieve, by its charge"""
    store.get("charge", charge_id)
    return store.get("refund", refund_id, param="refund")


def new(charge: Json, amount: int, form: Form) -> Json:
    """Refund a part of a charge, or all. A slow card waits for its bank."""
    method = store.find("payment_method", charge["payment_method"])
    late = payment_methods.card_of(method).late_refund if method else None
    refund = objects.create(
        "refund",
        amount=amount,
        charge=charge["id"],
        currency=charge["currency"],
        destination_details=_destination(charge),
        metadata=form.get("metadata"),
        payment_intent=charge["payment_intent"],
        payment_method=charge["payment_method"],
        reason=form.get("reason"),
        # A card whose refund fails later succeeds at first; the other is pending until it succeeds.
        status="pending" if late == "succeeds" else "succeeded",
    )
    description = (
        f"REFUND FOR CHARGE ({charge['description']})" if charge["description"] else "REFUND FOR CHARGE"
    )
    moved = balance_transactions.record("refund", refund, -amount, description=description, at_once=False)
    objects.change(refund, balance_transaction=moved["id"])
    events.emit("refund.created", refund)
    _count(charge)
    if refund["reason"] == "fraudulent":
        objects.change(charge, fraud_details={"user_report": "fraudulent"})
    events.emit("charge.refunded", charge)
    early_fraud_warnings.sync(charge)
    if charge["refunded"]:
        reviews.close_of(charge, "refunded_as_fraud" if refund["reason"] == "fraudulent" else "refunded")
    if late:
        due_work.schedule(clock.now() + DECIDED_AFTER, f"refund.{late}", refund["id"])
        return refund
    if refund["destination_details"]["type"] != "card":
        return refund  # a bank transfer, whose reference never comes here
    answer = dict(refund)  # the bank's reference is not there yet when Stripe answers
    reference = {"reference": "4242424242424242", "reference_status": "available"}
    _change(refund, destination_details=_referred(refund, reference))
    return answer


def returned(charge: Json) -> int:
    """How much of what was taken has been given back, or is on its way."""
    return sum(
        refund["amount"]
        for refund in store.select("refund", {"charge": charge["id"]})
        if refund["status"] not in ("failed", "canceled")
    )


def take_back(refund: Json, status: str, reason: str | None) -> None:
    """The bank could not deliver a refund: the money is ours again, and the charge less refunded."""
    charge = store.get("charge", refund["charge"])
    moved = balance_transactions.record(
        "refund_failure", refund, refund["amount"], description="REFUND FAILURE", at_once=True
    )
    before = {"status": refund["status"], "failure_reason": refund.get("failure_reason")}
    objects.change(refund, status=status, failure_balance_transaction=moved["id"])
    if reason:
        objects.change(refund, failure_reason=reason)
    _count(charge)
    events.emit("refund.updated", refund, previous=before)
    events.emit("charge.refund.updated", refund, previous=before)
    if status == "failed":
        events.emit("refund.failed", refund)
    early_fraud_warnings.sync(charge)


@register.due("refund.succeeds")
def succeed_late(refund_id: str) -> None:
    """The bank took its time."""
    refund = store.get("refund", refund_id)
    reference = {"reference": "4242424242424242", "reference_status": "available"}
    _change(refund, status="succeeded", destination_details=_referred(refund, reference))


@register.due("refund.fails")
def fail_late(refund_id: str) -> None:
    """The bank sent it back: the card's account is closed, say."""
    take_back(store.get("refund", refund_id), "failed", "expired_or_canceled_card")


def _charge(form: Form) -> Json:
    """The charge that a form wants refunded, by its own id or by its payment's."""
    if "charge" in form:
        return store.named("charge", form["charge"], "charge")
    if "payment_intent" not in form:
        raise InvalidRequest(
            "One of the following params should be provided for this request: payment_intent or charge.",
            code="parameter_missing",
            param="payment_intent",
        )
    intent = store.named("payment_intent", form["payment_intent"], "payment_intent")
    charge = store.find("charge", intent["latest_charge"]) if intent["latest_charge"] else None
    if charge is None or charge["status"] != "succeeded":
        raise InvalidRequest(
            f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.",
            code="payment_intent_unexpected_state",
            param="payment_intent",
        )
    return charge


def _check_refundable(charge: Json) -> None:
    if charge["status"] != "succeeded" or not charge["captured"]:
        raise InvalidRequest(f"Charge {charge['id']} took no money that could be refunded.", param="charge")
    lost = [
        dispute
        for dispute in store.select("dispute", {"charge": charge["id"]})
        if not dispute["is_charge_refundable"]
    ]
    if lost:
        raise InvalidRequest(
            f"Charge {charge['id']} has been charged back; cannot issue a refund.", code="charge_disputed"
        )


def _count(charge: Json) -> None:
    """The charge's own sum of refunds; what was never captured counts as refunded, too."""
    uncaptured = charge["amount"] - charge["amount_captured"]
    total = returned(charge) + uncaptured
    objects.change(charge, amount_refunded=total, refunded=total == charge["amount"])


def _change(refund: Json, **changes: object) -> Json:
    """Change a refund; Stripe sends two events of each change."""
    before = {key: refund.get(key) for key in changes if refund.get(key) != changes[key]}
    objects.change(refund, **changes)
    if before:
        events.emit("refund.updated", refund, previous=before)
        events.emit("charge.refund.updated", refund, previous=before)
    return refund


def _destination(charge: Json) -> Json:
    """Where the money goes: back to the card, or to the bank account that was debited."""
    if charge["payment_method_details"]["type"] != "card":
        return {"eu_bank_transfer": {}, "type": "eu_bank_transfer"}
    awaited = {
        "reference_status": "pending",
        "reference_type": "acquirer_reference_number",
        "type": "refund",
    }
    return {"card": awaited, "type": "card"}


def _referred(refund: Json, reference: Json) -> Json:
    details: Json = refund["destination_details"]
    return details | {"card": details["card"] | reference}
