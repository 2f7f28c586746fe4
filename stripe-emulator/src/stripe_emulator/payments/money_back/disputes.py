"""Disputes: a cardholder asks the bank for the money back. https://docs.stripe.com/api/disputes"""

from __future__ import annotations

from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form, without_effect
from stripe_emulator.events import objects
from stripe_emulator.payments.files import files
from stripe_emulator.payments.money_back import dispute_states, enhanced_evidence

register = Register()

#: How much text all of the evidence may have.
LONGEST_EVIDENCE = 150_000


@register.get("/v1/disputes/{dispute}")
def retrieve(form: Form, dispute_id: str) -> Json:
    """https://docs.stripe.com/api/disputes/retrieve"""
    return store.get("dispute", dispute_id)


@register.post("/v1/disputes/{dispute}")
def update(form: Form, dispute_id: str) -> Json:
    """https://docs.stripe.com/api/disputes/update: send evidence; in test mode its text decides.

    ``uncategorized_text`` of "winning_evidence" or "losing_evidence" ends the dispute at once, and
    "escalate_inquiry_evidence" makes a chargeback of an inquiry.
    """
    dispute = store.get("dispute", dispute_id)
    evidence = form.get("evidence") or {}
    if evidence and dispute["status"] not in dispute_states.ANSWERED:
        raise InvalidRequest("This dispute is already closed or under review.", param="evidence")
    files.check_evidence(evidence)
    changes = objects.patch(dispute, form, ())
    without_effect(form, "intended_submission_method")
    after = dispute | changes
    if evidence:
        after["evidence"] = _merged(dispute["evidence"], evidence)
    submits = form.get("submit", bool(evidence)) and dispute["status"] in dispute_states.ANSWERED
    if submits:
        enhanced_evidence.must_be_complete(after)
        changes["status"] = dispute_states.ANSWERED[dispute["status"]]
    if evidence or submits:
        changes["evidence"] = after["evidence"]
        changes["evidence_details"] = _details_after(after, submitted=submits)
    objects.change(dispute, "charge.dispute.updated", **changes)
    if submits:
        dispute_states.judge(dispute)
    return dispute


@register.post("/v1/disputes/{dispute}/close")
def close(form: Form, dispute_id: str) -> Json:
    """https://docs.stripe.com/api/disputes/close: give in, and lose."""
    dispute = store.get("dispute", dispute_id)
    if dispute["status"] not in dispute_states.ANSWERED:
        raise InvalidRequest("This dispute is already closed.", code="dispute_already_closed")
    return dispute_states.end(dispute, "won" if dispute["status"].startswith("warning") else "lost")


@register.get("/v1/disputes")
def list_all(form: Form) -> Json:
    """https://docs.stripe.com/api/disputes/list"""
    return lists.page("dispute", form, url="/v1/disputes", only=("charge", "payment_intent"))


def _merged(before: Json, form: Json) -> Json:
    """Evidence after a form; "" takes a part away.

    :raises InvalidRequest: All of it together is too long.
    """
    plain = {key: value or None for key, value in form.items() if key != "enhanced_evidence"}
    enhanced = before["enhanced_evidence"]
    if isinstance(form.get("enhanced_evidence"), dict):
        enhanced = enhanced_evidence.given(form["enhanced_evidence"], enhanced)
    after = before | plain | {"enhanced_evidence": enhanced}
    if sum(len(text) for text in after.values() if isinstance(text, str)) > LONGEST_EVIDENCE:
        raise InvalidRequest(
            f"The evidence is too long: all of its text can have up to {LONGEST_EVIDENCE} characters.",
            param="evidence",
        )
    return after


def _details_after(dispute: Json, *, submitted: bool) -> Json:
    details: Json = dispute["evidence_details"] | {
        "enhanced_eligibility": enhanced_evidence.eligibility(dispute, submitted=submitted),
        "has_evidence": True,
    }
    if submitted:
        details |= {"submission_count": details["submission_count"] + 1, "submission_method": "manual"}
    return details
