"""A bank that suspects a payment, and a payment that somebody should look at."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from ..shop import Shop

SUSPECTED = "pm_card_createIssuerFraudRecord"
RISKY = "pm_card_riskLevelElevated"


def warning_of(shop: Shop, payment: stripe.PaymentIntent) -> stripe.radar.EarlyFraudWarning:
    (warning,) = shop.v1.radar.early_fraud_warnings.list({"payment_intent": payment.id}).data
    return warning


def review_of(shop: Shop, payment: stripe.PaymentIntent) -> stripe.Review:
    paid = shop.v1.payment_intents.retrieve(payment.id, {"expand": ["review"]})
    assert isinstance(paid.review, stripe.Review)
    return paid.review


def test_a_bank_warns_of_a_payment_that_it_suspects(shop: Shop) -> None:
    payment = shop.charge(SUSPECTED)

    warning = warning_of(shop, payment)

    assert payment.status == "succeeded"
    assert (warning.charge, warning.payment_intent) == (payment.latest_charge, payment.id)
    assert warning.actionable
    assert warning.fraud_type == "made_with_stolen_card"
    assert shop.v1.radar.early_fraud_warnings.retrieve(warning.id).id == warning.id
    assert (
        shop.v1.radar.early_fraud_warnings.list({"charge": str(payment.latest_charge)}).data[0].id
        == warning.id
    )
    assert shop.listen()[-2:] == ["payment_intent.succeeded", "radar.early_fraud_warning.created"]


def test_a_payment_that_nobody_suspects_has_no_warning(shop: Shop) -> None:
    payment = shop.charge()

    assert shop.v1.radar.early_fraud_warnings.list({"payment_intent": payment.id}).data == []


def test_a_refund_of_it_all_leaves_nothing_to_do_about_a_warning(shop: Shop) -> None:
    payment = shop.charge(SUSPECTED, amount=2000)
    shop.v1.refunds.create({"payment_intent": payment.id, "amount": 500})
    after_a_part = warning_of(shop, payment).actionable
    shop.v1.refunds.create({"payment_intent": payment.id})

    assert (after_a_part, warning_of(shop, payment).actionable) == (True, False)
    assert shop.listen().count("radar.early_fraud_warning.updated") == 1
    (updated,) = (event for event in shop.heard_events if event.type == "radar.early_fraud_warning.updated")
    assert updated.data.to_dict()["previous_attributes"] == {"actionable": True}


def test_a_dispute_leaves_nothing_to_do_about_a_warning(shop: Shop) -> None:
    payment = shop.charge(SUSPECTED)

    shop.emulator.dispute(charge=payment.id)

    assert not warning_of(shop, payment).actionable


def test_a_risky_payment_is_placed_in_review_and_approved(shop: Shop) -> None:
    payment = shop.charge(RISKY)
    charge = shop.v1.charges.retrieve(str(payment.latest_charge))
    review = review_of(shop, payment)

    assert payment.status == "succeeded"
    assert charge.review == review.id
    assert charge.outcome is not None
    assert (charge.outcome.type, charge.outcome.risk_level) == ("manual_review", "elevated")
    assert (review.open, review.reason, review.opened_reason, review.closed_reason) == (
        True,
        "rule",
        "rule",
        None,
    )
    assert (review.payment_intent, review.charge) == (payment.id, None)
    assert [each.id for each in shop.v1.reviews.list().data] == [review.id]

    approved = shop.v1.reviews.approve(review.id)

    assert (approved.open, approved.reason, approved.closed_reason) == (False, "approved", "approved")
    assert shop.v1.reviews.list().data == []
    assert [each for each in shop.listen() if each.startswith("review.")] == [
        "review.opened",
        "review.closed",
    ]
    with pytest.raises(stripe.InvalidRequestError, match="closed already"):
        shop.v1.reviews.approve(review.id)


@pytest.mark.parametrize(
    ("reason", "closed"), [("requested_by_customer", "refunded"), ("fraudulent", "refunded_as_fraud")]
)
def test_a_refund_of_it_all_closes_the_review(shop: Shop, reason: Any, closed: str) -> None:
    payment = shop.charge(RISKY, amount=2000)
    shop.v1.refunds.create({"payment_intent": payment.id, "amount": 1})
    after_a_part = review_of(shop, payment).open
    shop.v1.refunds.create({"payment_intent": payment.id, "reason": reason})

    assert after_a_part
    assert (review_of(shop, payment).open, review_of(shop, payment).closed_reason) == (False, closed)


def test_a_dispute_or_a_release_of_the_money_closes_the_review(shop: Shop) -> None:
    disputed, held = shop.charge(RISKY), shop.charge(RISKY, capture_method="manual")
    shop.emulator.dispute(charge=disputed.id)
    shop.v1.payment_intents.cancel(held.id)

    assert review_of(shop, disputed).closed_reason == "disputed"
    assert review_of(shop, held).closed_reason == "canceled"


def test_the_review_of_a_charge_without_an_intent_names_the_charge(shop: Shop) -> None:
    charge = shop.v1.charges.create({"amount": 500, "currency": "usd", "source": "tok_riskLevelElevated"})
    assert charge.review is not None

    review = shop.v1.reviews.retrieve(str(charge.review))

    assert (review.charge, "payment_intent" in review) == (charge.id, False)
