"""What becomes of a dispute: it is opened, escalated, judged and decided.

https://docs.stripe.com/disputes/how-disputes-work
"""

from __future__ import annotations

from stripe_emulator import contract
from stripe_emulator.api.register import Register
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest, NotEmulated
from stripe_emulator.core.time import clock, due_work
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import public
from stripe_emulator.events import events, objects
from stripe_emulator.payments.account import settlement
from stripe_emulator.payments.balance import balance_transactions
from stripe_emulator.payments.methods import payment_methods
from stripe_emulator.payments.money_back import early_fraud_warnings, enhanced_evidence, reviews

register = Register()

#: Days to send evidence, days that the bank then takes, and days after which a mere question is over.
DUE_AFTER, DECIDED_AFTER, INQUIRY_LASTS = 9, 60, 120

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
#: Whose charge can be refunded, of those that are over: the money is here.
REFUNDABLE = ("won", "warning_closed")
INQUIRY = ("warning_needs_response", "warning_under_review")

#: What the bank makes of evidence at once in test mode, by its ``uncategorized_text``.
VERDICTS = {"winning_evidence": "won", "losing_evidence": "lost", "escalate_inquiry_evidence": "escalated"}

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


def judge(dispute: Json) -> None:
    """The bank has the evidence: it decides at once where the text says so, else when it has looked."""
    verdict = VERDICTS.get(dispute["evidence"]["uncategorized_text"] or "")
    if verdict == "escalated" and dispute["status"] in INQUIRY:
        escalate(dispute)
    elif verdict in ("won", "lost"):
        end(dispute, verdict)
    elif dispute["status"] == "under_review":
        due_work.schedule(clock.now() + DECIDED_AFTER * clock.DAY, "dispute.decided", dispute["id"])


def open_dispute(
    charge: Json,
    reason: str = "fraudulent",
    *,
    amount: int | None = None,
    eligible_for: str | None = None,
    again: bool = False,
) -> Json:
    """A cardholder complains; the money and a fee go at once, unless it is only an inquiry.

    :param reason: Stripe's reason, or "inquiry".
    :param amount: Minor units that are disputed; by default all that was captured.
    :param eligible_for: What could win it: an entry of ``enhanced_eligibility_types``.
    :param again: A part of the charge may be disputed already.
    :raises InvalidRequest: Stripe knows no such reason, or there is nothing to dispute.
    :raises NotEmulated: It was not paid by card.
    """
    if reason not in REASONS:
        raise InvalidRequest(f"The reason must be one of {', '.join(REASONS)}.", param="reason")
    if charge["payment_method_details"]["type"] != "card":
        raise NotEmulated(f"disputes of {charge['payment_method_details']['type']} payments", param="charge")
    if charge["status"] != "succeeded" or not charge["captured"]:
        raise InvalidRequest(f"Charge {charge['id']} took no money that could be disputed.", param="charge")
    if charge["disputed"] and not again:
        raise InvalidRequest(f"Charge {charge['id']} is disputed already.", param="charge")
    amount = charge["amount_captured"] if amount is None else amount
    _check_amount(charge, amount)
    inquiry = reason == "inquiry"
    dispute = objects.create(
        "dispute",
        amount=amount,
        charge=charge["id"],
        currency=charge["currency"],
        enhanced_eligibility_types=[eligible_for] if eligible_for else [],
        evidence=_evidence(charge),
        evidence_details=_evidence_details(),
        is_charge_refundable=inquiry,
        payment_intent=charge["payment_intent"],
        payment_method_details=_details(charge, _case(reason)),
        reason="fraudulent" if inquiry else reason,
        status="warning_needs_response" if inquiry else "needs_response",
    )
    eligibility = enhanced_evidence.eligibility(dispute, submitted=False)
    dispute["evidence_details"] = dispute["evidence_details"] | {"enhanced_eligibility": eligibility}
    objects.change(charge, dispute=dispute["id"], disputed=True)
    if not inquiry:
        _move(dispute, -dispute["amount"], costs=True, what="dispute", text="Chargeback withdrawal")
    events.emit("charge.dispute.created", dispute)
    if not inquiry:
        events.emit("charge.dispute.funds_withdrawn", dispute)
    early_fraud_warnings.sync(charge)
    reviews.close_of(charge, "disputed")
    due_work.schedule(dispute["evidence_details"]["due_by"], "dispute.overdue", dispute["id"])
    if inquiry:
        due_work.schedule(clock.now() + INQUIRY_LASTS * clock.DAY, "dispute.inquiry_over", dispute["id"])
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
        _move(dispute, -more, what=what, text=f"Chargeback {text}")
    events.emit("charge.dispute.updated", dispute, previous=before)


def _check_amount(charge: Json, amount: int) -> None:
    if not 0 < amount <= charge["amount_captured"]:
        raise InvalidRequest(
            f"A dispute of charge {charge['id']} is about 1 to {charge['amount_captured']}.", param="amount"
        )


def escalate(dispute: Json) -> Json:
    """An inquiry becomes a chargeback: the money and a fee go now, and evidence is due anew.

    :raises InvalidRequest: It is no inquiry, or is over.
    """
    if dispute["status"] not in INQUIRY:
        raise InvalidRequest(
            f"Only an open inquiry can be escalated; this dispute is {dispute['status']}.", param="outcome"
        )
    due_work.unschedule(dispute["id"])
    details = dispute["payment_method_details"]
    _move(dispute, -dispute["amount"], costs=True, what="dispute", text="Chargeback withdrawal")
    objects.change(
        dispute,
        "charge.dispute.updated",
        evidence_details=_evidence_details() | {"has_evidence": dispute["evidence_details"]["has_evidence"]},
        is_charge_refundable=False,
        payment_method_details=details | {"card": details["card"] | {"case_type": "chargeback"}},
        status="needs_response",
    )
    events.emit("charge.dispute.funds_withdrawn", dispute)
    due_work.schedule(dispute["evidence_details"]["due_by"], "dispute.overdue", dispute["id"])
    return dispute


def _case(reason: str) -> str:
    return {"inquiry": "inquiry", "noncompliant": "compliance"}.get(reason, "chargeback")


def _evidence_details() -> Json:
    return {
        "due_by": (clock.now() // clock.DAY + DUE_AFTER) * clock.DAY - 1,
        "enhanced_eligibility": {},
        "has_evidence": False,
        "past_due": False,
        "submission_count": 0,
        "submission_method": "not_submitted",
    }


def _details(charge: Json, case: str) -> Json:
    """The card of the charge, and what its owner's bank wants."""
    card = charge["payment_method_details"]["card"]
    return {
        "card": {
            "brand": card["brand"],
            "case_type": case,
            "network": card["network"],
            "network_reason_code": "10.4",
        },
        "type": "card",
    }


def end(dispute: Json, outcome: str) -> Json:
    """The bank decides: "won" brings the money back (the fee stays), "lost" keeps it away.

    :param outcome: Also "escalated", which makes a chargeback of an inquiry.
    :raises InvalidRequest: It has ended before.
    """
    if outcome == "escalated":
        return escalate(dispute)
    status = ENDS.get((dispute["status"], outcome))
    if status is None:
        raise InvalidRequest(
            f"A dispute that is {dispute['status']} cannot be {outcome}.", code="dispute_already_closed"
        )
    due_work.unschedule(dispute["id"])
    before = dispute["status"]
    objects.change(dispute, status=status, is_charge_refundable=status in REFUNDABLE)
    if status == "won":
        _move(dispute, dispute["amount"], what="dispute_reversal", text="Chargeback reversal")
    events.emit("charge.dispute.closed", dispute, previous={"status": before})
    if status == "won":
        events.emit("charge.dispute.funds_reinstated", dispute)
    return dispute


@register.due("dispute.overdue")
def overdue(dispute_id: str) -> None:
    """No word in time: a dispute is lost. A mere question stays open."""
    dispute = store.get("dispute", dispute_id)
    if dispute["status"] in ANSWERED:
        objects.change(dispute, evidence_details=dispute["evidence_details"] | {"past_due": True})
    if dispute["status"] == "needs_response":
        end(dispute, "lost")


@register.due("dispute.inquiry_over")
def inquiry_over(dispute_id: str) -> None:
    """A cardholder's question that led to nothing."""
    dispute = store.get("dispute", dispute_id)
    if dispute["status"] in INQUIRY:
        end(dispute, "won")


@register.due("dispute.decided")
def decided(dispute_id: str) -> None:
    """The bank has looked: it sides with its cardholder, unless Visa finds the evidence compelling."""
    dispute = store.get("dispute", dispute_id)
    if dispute["status"] == "under_review":
        compelling = dispute["evidence_details"]["enhanced_eligibility"].get(enhanced_evidence.COMPELLING)
        end(dispute, "won" if compelling and compelling["status"] == "qualified" else "lost")


def _move(dispute: Json, amount: int, *, what: str, text: str, costs: bool = False) -> None:
    """:param costs: Stripe takes its fee for a dispute with it."""
    moved = balance_transactions.record(
        "adjustment",
        dispute,
        amount,
        fee=lambda _, currency: settlement.dispute_fee(currency) if costs else 0,
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
    card = payment_methods.card_of(method)
    if card.dispute is None:
        return
    left: int = charge["amount_captured"]
    for number in range(card.disputes, 0, -1):
        part = left // number
        left -= part
        open_dispute(
            charge, card.dispute, amount=part, eligible_for=card.eligible_for, again=card.disputes > 1
        )
