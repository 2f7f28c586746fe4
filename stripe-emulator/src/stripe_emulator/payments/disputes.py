"""Disputes: a cardholder asks the bank for the money back. https://docs.stripe.com/api/disputes"""

from __future__ import annotations

from stripe_emulator import contract
from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.core import clock, store
from stripe_emulator.core.errors import InvalidRequest, NotEmulated
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form, public, without_effect
from stripe_emulator.events import events, objects
from stripe_emulator.payments import (
    balance_transactions,
    early_fraud_warnings,
    files,
    payment_methods,
    reviews,
)

register = Register()

#: What a dispute costs, whoever wins, in the currency's smallest unit.
FEE = 1500
#: Days to send evidence, and days that the bank then takes.
DUE_AFTER, DECIDED_AFTER = 9, 60

#: Every move of a dispute that its end makes. A state that is not here is an end.
ENDS = {
    ("needs_response", "won"): "won",
    ("needs_response", "lost"): "lost",
    ("under_review", "won"): "won",
    ("under_review", "lost"): "lost",
    ("warning_needs_response", "won"): "warning_closed",
    ("warning_under_review", "won"): "warning_closed",
}
ANSWERED = {"needs_response": "under_review", "warning_needs_response": "warning_under_review"}

#: What a cardholder may say; "inquiry" is ours, for a mere question.
REASONS = (
    "bank_cannot_process",
    "check_returned",
    "credit_not_processed",
    "customer_initiated",
    "debit_not_authorized",
    "duplicate",
    "fraudulent",
    "general",
    "incorrect_account_details",
    "inquiry",
    "insufficient_funds",
    "noncompliant",
    "product_not_received",
    "product_unacceptable",
    "subscription_canceled",
    "unrecognized",
)


@register.get("/v1/disputes/{dispute}")
def retrieve(form: Form, dispute_id: str) -> Json:
    """https://docs.stripe.com/api/disputes/retrieve"""
    return store.get("dispute", dispute_id)


@register.post("/v1/disputes/{dispute}")
def update(form: Form, dispute_id: str) -> Json:
    """https://docs.stripe.com/api/disputes/update: send evidence; in test mode its text decides.

    ``uncategorized_text`` of "winning_evidence" or "losing_evidence" ends the dispute at once.
    """
    dispute = store.get("dispute", dispute_id)
    evidence = form.get("evidence") or {}
    if evidence and dispute["status"] not in ANSWERED:
        raise InvalidRequest("This dispute is already closed or under review.", param="evidence")
    files.check_evidence(evidence)
    changes = objects.patch(dispute, form, ())
    without_effect(form, "intended_submission_method")
    if evidence:
        changes["evidence"] = dispute["evidence"] | {key: value or None for key, value in evidence.items()}
        changes["evidence_details"] = dispute["evidence_details"] | {"has_evidence": True}
    sent = form.get("submit", True) and bool(evidence)
    if sent:
        changes["status"] = ANSWERED[dispute["status"]]
        count = dispute["evidence_details"]["submission_count"] + 1
        changes["evidence_details"] |= {"submission_count": count, "submission_method": "manual"}
    objects.change(dispute, "charge.dispute.updated", **changes)
    verdict = {"winning_evidence": "won", "losing_evidence": "lost"}.get(
        evidence.get("uncategorized_text", "")
    )
    if sent and verdict:
        end(dispute, verdict)
    return dispute


@register.post("/v1/disputes/{dispute}/close")
def close(form: Form, dispute_id: str) -> Json:
    """https://docs.stripe.com/api/disputes/close: give in, and lose."""
    dispute = store.get("dispute", dispute_id)
    if dispute["status"] not in ANSWERED:
        raise InvalidRequest("This dispute is already closed.", code="dispute_already_closed")
    return end(dispute, "won" if dispute["status"].startswith("warning") else "lost")


@register.get("/v1/disputes")
def list_all(form: Form) -> Json:
    """https://docs.stripe.com/api/disputes/list"""
    return lists.page("dispute", form, url="/v1/disputes", only=("charge", "payment_intent"))


def open_dispute(charge: Json, reason: str = "fraudulent", *, amount: int | None = None) -> Json:
    """A cardholder complains; the money and a fee go at once, unless it is only an inquiry.

    :param reason: Stripe's reason, or "inquiry".
    :param amount: Minor units that are disputed; by default all that was captured.
    :raises InvalidRequest: Stripe knows no such reason, or there is nothing to dispute.
    :raises NotEmulated: It was not paid by card.
    """
    if reason not in REASONS:
        raise InvalidRequest(f"The reason must be one of {', '.join(REASONS)}.", param="reason")
    if charge["payment_method_details"]["type"] != "card":
        raise NotEmulated(f"disputes of {charge['payment_method_details']['type']} payments", param="charge")
    if charge["status"] != "succeeded" or not charge["captured"]:
        raise InvalidRequest(f"Charge {charge['id']} took no money that could be disputed.", param="charge")
    if charge["disputed"]:
        raise InvalidRequest(f"Charge {charge['id']} is disputed already.", param="charge")
    amount = charge["amount_captured"] if amount is None else amount
    _check_amount(charge, amount)
    inquiry = reason == "inquiry"
    dispute = objects.create(
        "dispute",
        amount=amount,
        charge=charge["id"],
        currency=charge["currency"],
        evidence=_evidence(charge),
        evidence_details=_evidence_details(),
        is_charge_refundable=inquiry,
        payment_intent=charge["payment_intent"],
        payment_method_details=_details(charge, inquiry),
        reason="fraudulent" if inquiry else reason,
        status="warning_needs_response" if inquiry else "needs_response",
    )
    objects.change(charge, dispute=dispute["id"], disputed=True)
    if not inquiry:
        _move(dispute, -dispute["amount"], fee=FEE, what="dispute", text="Chargeback withdrawal")
    events.emit("charge.dispute.created", dispute)
    if not inquiry:
        events.emit("charge.dispute.funds_withdrawn", dispute)
    early_fraud_warnings.sync(charge)
    reviews.close_of(charge, "disputed")
    clock.schedule(dispute["evidence_details"]["due_by"], "dispute.overdue", dispute["id"])
    return dispute


def change_amount(dispute: Json, amount: int) -> None:
    """The bank disputes more or less than it did; the difference moves at once, unless it is an inquiry.

    :raises InvalidRequest: It has ended, or the charge was smaller.
    """
    if dispute["status"] not in {*ANSWERED, *ANSWERED.values()}:
        raise InvalidRequest("This dispute is already closed.", code="dispute_already_closed")
    _check_amount(store.get("charge", dispute["charge"]), amount)
    more = amount - dispute["amount"]
    before = {"amount": dispute["amount"]}
    objects.change(dispute, amount=amount)
    if more and not dispute["status"].startswith("warning"):
        what, text = ("dispute", "withdrawal") if more > 0 else ("dispute_reversal", "reversal")
        _move(dispute, -more, fee=0, what=what, text=f"Chargeback {text}")
    events.emit("charge.dispute.updated", dispute, previous=before)


def _check_amount(charge: Json, amount: int) -> None:
    if not 0 < amount <= charge["amount_captured"]:
        raise InvalidRequest(
            f"A dispute of charge {charge['id']} is about 1 to {charge['amount_captured']}.", param="amount"
        )


def _evidence_details() -> Json:
    return {
        "due_by": (clock.now() // clock.DAY + DUE_AFTER) * clock.DAY - 1,
        "enhanced_eligibility": {},
        "has_evidence": False,
        "past_due": False,
        "submission_count": 0,
        "submission_method": "not_submitted",
    }


def _details(charge: Json, inquiry: bool) -> Json:
    """The card of the charge, and what its owner's bank wants."""
    card = charge["payment_method_details"]["card"]
    return {
        "card": {
            "brand": card["brand"],
            "case_type": "inquiry" if inquiry else "chargeback",
            "network": card["network"],
            "network_reason_code": "10.4",
        },
        "type": "card",
    }


def end(dispute: Json, outcome: str) -> Json:
    """The bank decides: "won" brings the money back (the fee stays), "lost" keeps it away.

    :raises InvalidRequest: It has ended before.
    """
    status = ENDS.get((dispute["status"], outcome))
    if status is None:
        raise InvalidRequest(
            f"A dispute that is {dispute['status']} cannot be {outcome}.", code="dispute_already_closed"
        )
    clock.unschedule(dispute["id"])
    before = dispute["status"]
    objects.change(dispute, status=status, is_charge_refundable=status == "warning_closed")
    if status == "won":
        _move(dispute, dispute["amount"], fee=0, what="dispute_reversal", text="Chargeback reversal")
    events.emit("charge.dispute.closed", dispute, previous={"status": before})
    if status == "won":
        events.emit("charge.dispute.funds_reinstated", dispute)
    return dispute


@register.due("dispute.overdue")
def overdue(dispute_id: str) -> None:
    """No word in time: an inquiry ends by itself, a dispute is lost."""
    dispute = store.get("dispute", dispute_id)
    if dispute["status"] in ANSWERED:
        objects.change(dispute, evidence_details=dispute["evidence_details"] | {"past_due": True})
        end(dispute, "won" if dispute["status"].startswith("warning") else "lost")


def _move(dispute: Json, amount: int, *, fee: int, what: str, text: str) -> None:
    moved = balance_transactions.record(
        "adjustment",
        dispute,
        amount,
        fee=fee,
        at_once=True,
        description=f"{text} for {dispute['charge']}",
        reporting_category=what,
    )
    objects.change(dispute, balance_transactions=[*dispute["balance_transactions"], public(moved)])


def _evidence(charge: Json) -> Json:
    blank: Json = contract.blank("dispute")["evidence"]
    details = charge["billing_details"]
    return blank | {
        "customer_email_address": details["email"],
        "customer_name": details["name"],
        "enhanced_evidence": {},
    }


def open_for_card(charge: Json, method: Json) -> None:
    """Open the dispute of a test card whose holder complains as soon as it has paid."""
    reason = payment_methods.card_of(method).dispute
    if reason:
        open_dispute(charge, reason)
