"""Each mail with made-up values, for who wants to see how it looks before a customer does. No row is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ...payments.customers.models import SavedCard
from ...payments.models import Payment, PaymentState, Refund, Via
from ...purchases.stop_reasons import DISPUTED
from ...subscriptions.models import PlanPrice
from ...subscriptions.not_at_stripe import REASON as ELSEWHERE
from ...subscriptions.plan_state import AfterTrial


@dataclass(frozen=True)
class MailSample:
    """A mail by the name of its template, told with these values."""

    mail: str
    values: Mapping[str, Any]


AT = datetime(2027, 3, 7, 9, 30, tzinfo=UTC)


def payment(**values: Any) -> Payment:
    """A paid payment of a pack by card, but for these values; it belongs to no session."""
    paid: dict[str, Any] = {
        "id": 17,
        "owner": "user:1",
        "via": Via.CHECKOUT,
        "state": PaymentState.PAID,
        "title": "100 credits",
        "credits": 100,
        "amount_minor": 500,
        "currency": "usd",
        "paid_minor": 500,
        "charged_minor": 500,
        "discount_minor": 0,
        "tax_minor": 0,
        "refunded_minor": 0,
        "taxed": "",
        "payment_intent_id": "pi_sample",
        "brand": "visa",
        "last4": "4242",
        "receipt_url": "https://pay.stripe.com/receipts/sample",
        "created_at": AT,
        "paid_at": AT,
    }
    return Payment(**{**paid, **values})


def refund() -> Refund:
    return Refund(id=3, payment_id=17, amount_minor=500, created_at=AT)


def owed() -> dict[str, Any]:
    """What a plan owes, and the card that did not pay it."""
    card = SavedCard(brand="visa", last4="0341")
    return {"amount_minor": 1500, "currency": "usd", "retry_at": AT, "card": card}


def begun() -> dict[str, Any]:
    """What follows a trial, and the card that pays it."""
    terms = PlanPrice(
        title="Small", credits=20, amount_minor=1500, currency="usd", interval="month", interval_count=1
    )
    card = SavedCard(brand="visa", last4="4242")
    later = {"ends_at": None, "collects_again_at": None}
    return {"terms": terms, "quantity": 1, "card": card, "follows": AfterTrial.CHARGED, **later}


BILLED = {"invoice_id": "in_sample", "invoice_number": "A1B2C3D4-0007"}
TAXED = {"paid_minor": 595, "charged_minor": 595, "tax_minor": 95, "taxed": "DE standard_rated"}
PLAN = {"via": Via.PLAN, "title": "Small", "receipt_url": "https://invoice.stripe.com/i/sample"}
OPEN = {"state": PaymentState.OPEN, "paid_minor": None, "charged_minor": 0, "paid_at": None}


def samples() -> dict[str, MailSample]:
    """Every mail, in each of the wordings that differ, by a name for its address."""
    topup = {"payment": payment(via=Via.TOPUP), "credits": 100}
    budget = {"percent": 80, "spent": 400, "credits": 500, "every": "month", "resets_at": AT}
    endpoint = {"url": "https://program.example/hook", "endpoint_id": 1}
    back = {"payment": payment(), "refund": refund(), "under_way": False, "amount_minor": 500}
    card = {"brand": "visa", "last4": "4242", "month": 3, "year": 2027}
    return {
        "receipt": MailSample("receipt", {"payment": payment()}),
        "receipt-tax": MailSample("receipt", {"payment": payment(**BILLED, **TAXED)}),
        "receipt-company": MailSample(
            "receipt", {"payment": payment(**BILLED, taxed="DE reverse_charge", discount_minor=100)}
        ),
        "receipt-plan": MailSample("receipt", {"payment": payment(**BILLED, **PLAN)}),
        "receipt-free": MailSample(
            "receipt",
            {"payment": payment(paid_minor=0, charged_minor=0, discount_minor=500, receipt_url=None)},
        ),
        "refund_sent": MailSample("refund_sent", back),
        "refund_sent-difference": MailSample(
            "refund_sent", {**back, "payment": payment(**BILLED, **PLAN, credits=0)}
        ),
        "refund_sent-under-way": MailSample("refund_sent", {**back, "under_way": True}),
        "refund_failed": MailSample("refund_failed", back),
        "topup_done": MailSample("topup_done", topup),
        "topup_failed": MailSample(
            "topup_failed", {"payment": payment(via=Via.TOPUP, **OPEN), "amount_minor": 500}
        ),
        "topup_stopped": MailSample("topup_stopped", {"reason": "the card was declined"}),
        "topup_skipped": MailSample(
            "topup_skipped", {"reason": "the packs that you allow for this month are bought"}
        ),
        "payment_needs_you": MailSample("payment_needs_you", {"payment": payment(via=Via.TOPUP, **OPEN)}),
        "card_expiring": MailSample("card_expiring", card),
        "balance_low": MailSample("balance_low", {"credits": 9, "threshold": 10}),
        "balance_low-none": MailSample("balance_low", {"credits": 0, "threshold": 10}),
        "budget_near": MailSample("budget_near", {**budget, "spender": None}),
        "budget_near-key": MailSample("budget_near", {**budget, "spender": "key:1"}),
        "budget_near-member": MailSample("budget_near", {**budget, "spender": "member:5"}),
        "credits_lapsing": MailSample("credits_lapsing", {"credits": 40, "expires_at": AT, "days": 7}),
        "endpoint_stopped": MailSample("endpoint_stopped", {**endpoint, "reason": "it failed for 3 days"}),
        "endpoint_stopped-gone": MailSample(
            "endpoint_stopped", {**endpoint, "reason": "it answered 410 Gone"}
        ),
        **of_plans(),
    }


def of_plans() -> dict[str, MailSample]:
    """The mails about plans."""
    plan = {"title": "Small", "subscription_id": 1}
    unpaid = {**plan, **owed(), "state": "past_due", "page_url": "https://invoice.stripe.com/i/sample"}
    return {
        "plan_payment_failed": MailSample("plan_payment_failed", unpaid),
        "plan_payment_failed-first": MailSample("plan_payment_failed", {**unpaid, "state": "incomplete"}),
        "plan_payment_failed-last": MailSample(
            "plan_payment_failed", {**unpaid, "state": "unpaid", "page_url": None}
        ),
        "plan_ended_unpaid": MailSample("plan_ended_unpaid", {**plan, "ended_at": AT}),
        "plan_stopped": MailSample("plan_stopped", {**plan, "reason": DISPUTED, "ends_at": AT}),
        "plan_stopped-at-once": MailSample("plan_stopped", {**plan, "reason": DISPUTED, "ends_at": None}),
        "plan_stopped-elsewhere": MailSample("plan_stopped", {**plan, "reason": ELSEWHERE, "ends_at": None}),
        "trial_ending": MailSample("trial_ending", {**plan, **begun(), "trial_end": AT}),
        "trial_ending-canceled": MailSample(
            "trial_ending", {**plan, **begun(), "follows": AfterTrial.ENDS, "trial_end": AT}
        ),
        "trial_ending-ended": MailSample(
            "trial_ending", {**plan, **begun(), "follows": AfterTrial.ENDED, "trial_end": AT}
        ),
        "trial_ending-no-card": MailSample(
            "trial_ending",
            {**plan, **begun(), "card": None, "follows": AfterTrial.PAUSED, "trial_end": AT},
        ),
        "trial_ending-due": MailSample(
            "trial_ending", {**plan, **begun(), "card": None, "follows": AfterTrial.DUE, "trial_end": AT}
        ),
        "trial_ending-stopped": MailSample(
            "trial_ending", {**plan, **begun(), "follows": AfterTrial.STOPPED, "trial_end": AT}
        ),
    }
