"""Disputes from the cardholder's question to the bank's word."""

from __future__ import annotations

from typing import Any, cast

import pytest
import stripe

from ..shop import Shop


def disputed(shop: Shop, card: str, amount: int = 2000) -> stripe.Dispute:
    paid = shop.charge(f"pm_card_{card}", amount=amount)
    (dispute,) = shop.v1.disputes.list({"payment_intent": paid.id}).data
    return dispute


def answer(shop: Shop, dispute: stripe.Dispute, **form: Any) -> stripe.Dispute:
    return shop.v1.disputes.update(dispute.id, cast(Any, form))


def test_an_inquiry_escalates_to_a_chargeback(shop: Shop) -> None:
    inquiry = disputed(shop, "createDisputeInquiry")
    before = shop.balance()[0]
    count = len(shop.events())

    chargeback = answer(shop, inquiry, evidence={"uncategorized_text": "escalate_inquiry_evidence"})

    assert chargeback.status == "needs_response"
    assert chargeback.is_charge_refundable is False
    assert chargeback.payment_method_details is not None
    assert chargeback.payment_method_details.card is not None
    assert chargeback.payment_method_details.card.case_type == "chargeback"
    assert shop.balance()[0] - before == -2000 - 1500
    assert shop.events()[count:] == [
        "charge.dispute.updated",
        "charge.dispute.updated",
        "charge.dispute.funds_withdrawn",
    ]


def test_the_tester_escalates_an_inquiry_and_nothing_else(shop: Shop) -> None:
    inquiry, dispute = disputed(shop, "createDisputeInquiry"), disputed(shop, "createDispute")

    shop.emulator.dispute(dispute=inquiry.id, outcome="escalated")

    assert shop.v1.disputes.retrieve(inquiry.id).status == "needs_response"
    with pytest.raises(Exception, match="Only an open inquiry"):
        shop.emulator.dispute(dispute=dispute.id, outcome="escalated")


def test_an_inquiry_is_over_after_four_months_and_an_unanswered_dispute_lost_in_days(shop: Shop) -> None:
    inquiry, dispute = disputed(shop, "createDisputeInquiry"), disputed(shop, "createDispute")

    shop.advance(days=10)
    early = [shop.v1.disputes.retrieve(each.id).status for each in (inquiry, dispute)]
    shop.advance(days=111)

    assert early == ["warning_needs_response", "lost"]
    assert shop.v1.disputes.retrieve(inquiry.id).status == "warning_closed"


def test_evidence_is_staged_then_submitted_and_the_bank_takes_its_time(shop: Shop) -> None:
    dispute = disputed(shop, "createDispute")

    staged = answer(shop, dispute, evidence={"customer_name": "Jo"}, submit=False)
    sent = answer(shop, dispute, submit=True)
    shop.advance(days=61)

    assert (staged.status, staged.evidence_details.submission_count) == ("needs_response", 0)
    assert (sent.status, sent.evidence_details.submission_count) == ("under_review", 1)
    assert sent.evidence.customer_name == "Jo"
    assert shop.v1.disputes.retrieve(dispute.id).status == "lost"


def test_all_of_the_evidence_has_a_limit(shop: Shop) -> None:
    dispute = disputed(shop, "createDispute")
    parts = (
        "access_activity_log",
        "cancellation_rebuttal",
        "product_description",
        "refund_policy_disclosure",
    )
    long = dict.fromkeys(
        (*parts, "cancellation_policy_disclosure", "duplicate_charge_explanation"), "x" * 19_999
    )

    answer(shop, dispute, evidence=long, submit=False)
    more = {"refund_refusal_explanation": "x" * 19_999, "uncategorized_text": "x" * 20_000}
    with pytest.raises(stripe.InvalidRequestError, match="too long") as refused:
        answer(shop, dispute, evidence=more, submit=False)
    assert refused.value.param == "evidence"


def compelling(*charges: str, **identifiers: str) -> dict[str, Any]:
    same = {"product_description": "Ten credits", **identifiers}
    return {
        "enhanced_evidence": {
            "visa_compelling_evidence_3": {
                "disputed_transaction": {"merchandise_or_services": "services", **same},
                "prior_undisputed_transactions": [{"charge": charge, **same} for charge in charges],
            }
        }
    }


def status_of(dispute: stripe.Dispute) -> str:
    eligibility = dispute.evidence_details.enhanced_eligibility.visa_compelling_evidence_3
    assert eligibility is not None
    return eligibility.status


def test_compelling_evidence_wins(shop: Shop) -> None:
    earlier = [str(shop.charge().latest_charge) for _ in range(2)]
    dispute = disputed(shop, "createCe3EligibleDispute")

    partly = answer(
        shop, dispute, evidence=compelling(earlier[0], customer_purchase_ip="1.2.3.4"), submit=False
    )
    whole = compelling(*earlier, customer_purchase_ip="1.2.3.4", customer_email_address="jo@example.com")
    ready = answer(shop, dispute, evidence=whole, submit=False)
    answer(shop, dispute, submit=True)
    shop.advance(days=61)

    assert dispute.enhanced_eligibility_types == ["visa_compelling_evidence_3"]
    missing = partly.evidence_details.enhanced_eligibility.visa_compelling_evidence_3
    assert missing is not None
    assert missing.required_actions == [
        "missing_customer_identifiers",
        "missing_prior_undisputed_transactions",
    ]
    assert [status_of(each) for each in (dispute, partly, ready)] == ["requires_action"] * 2 + ["qualified"]
    assert shop.v1.disputes.retrieve(dispute.id).status == "won"


def test_evidence_that_does_not_compel_is_sent_as_plain_evidence(shop: Shop) -> None:
    dispute = disputed(shop, "createCe3EligibleDispute")

    sent = answer(shop, dispute, evidence={"customer_name": "Jo"})

    assert (sent.status, status_of(sent)) == ("under_review", "not_qualified")


def test_a_compliance_case_is_answered_by_who_accepts_its_fee(shop: Shop) -> None:
    dispute = disputed(shop, "createComplianceDispute")

    with pytest.raises(stripe.InvalidRequestError) as refused:
        answer(shop, dispute, evidence={"customer_name": "Jo"})
    fee = {"visa_compliance": {"fee_acknowledged": True}}
    sent = answer(shop, dispute, evidence={"customer_name": "Jo", "enhanced_evidence": fee})

    assert refused.value.param == "evidence[enhanced_evidence][visa_compliance][fee_acknowledged]"
    assert sent.status == "under_review"


def test_a_charge_is_disputed_in_parts(shop: Shop) -> None:
    paid = shop.charge("pm_card_createMultipleDisputes", amount=2001)

    disputes = shop.v1.disputes.list({"payment_intent": paid.id}).data

    assert sorted(dispute.amount for dispute in disputes) == [1000, 1001]
