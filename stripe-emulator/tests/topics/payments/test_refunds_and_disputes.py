"""Refunds, disputes, the balance and payouts: where the money is."""

from __future__ import annotations

import pytest
import stripe

from stripe_emulator.core.errors import InvalidRequest, NotEmulated

from ..shop import Shop


def refund(shop: Shop, intent: stripe.PaymentIntent, amount: int | None = None) -> stripe.Refund:
    part: stripe.params.RefundCreateParams = {"payment_intent": intent.id}
    if amount is not None:
        part["amount"] = amount
    return shop.v1.refunds.create(part)


def charge_of(shop: Shop, intent: stripe.PaymentIntent) -> stripe.Charge:
    return shop.v1.charges.retrieve(str(intent.latest_charge), {"expand": ["refunds"]})


def test_a_payment_is_refunded_in_parts_until_none_is_left(shop: Shop) -> None:
    paid = shop.charge(amount=1000)

    refund(shop, paid, 400)
    partly = charge_of(shop, paid)
    refund(shop, paid)
    wholly = charge_of(shop, paid)

    assert (partly.amount_refunded, partly.refunded) == (400, False)
    assert (wholly.amount_refunded, wholly.refunded) == (1000, True)
    assert wholly.refunds is not None
    assert [part.amount for part in wholly.refunds.data] == [600, 400]
    assert shop.balance() == (0, -59)


def test_a_refund_sends_events_under_both_of_its_names(shop: Shop) -> None:
    paid = shop.charge()
    shop.listen()

    refund(shop, paid)

    assert shop.listen() == ["refund.created", "charge.refunded", "refund.updated", "charge.refund.updated"]


def test_more_than_is_left_does_not_go_back(shop: Shop) -> None:
    paid = shop.charge(amount=1000)
    refund(shop, paid, 600)

    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount"):
        refund(shop, paid, 401)
    refund(shop, paid)
    with pytest.raises(stripe.InvalidRequestError) as again:
        refund(shop, paid)

    assert again.value.code == "charge_already_refunded"


def test_a_refund_that_fails_later_brings_the_money_back_to_us(shop: Shop) -> None:
    paid = shop.charge("pm_card_refundFail", amount=1000)
    given = refund(shop, paid)
    shop.listen()

    shop.emulator.advance(minutes=5)

    failed = shop.v1.refunds.retrieve(given.id)
    assert (given.status, failed.status) == ("succeeded", "failed")
    assert failed.failure_reason == "expired_or_canceled_card"
    assert charge_of(shop, paid).amount_refunded == 0
    assert shop.heard[-3:] == ["refund.updated", "charge.refund.updated", "refund.failed"]
    assert sum(shop.balance()) == 1000 - 59


def test_a_slow_refund_is_pending_first(shop: Shop) -> None:
    given = refund(shop, shop.charge("pm_card_pendingRefund"))

    shop.emulator.advance(minutes=5)

    assert given.status == "pending"
    assert shop.v1.refunds.retrieve(given.id).status == "succeeded"


def test_a_dispute_takes_the_money_and_a_fee_at_once(shop: Shop) -> None:
    paid = shop.charge("pm_card_createDispute", amount=1000)

    (dispute,) = shop.v1.disputes.list({"payment_intent": paid.id}).data

    assert (dispute.status, dispute.amount, dispute.reason) == ("needs_response", 1000, "fraudulent")
    assert [(moved.amount, moved.fee) for moved in dispute.balance_transactions] == [(-1000, 1500)]
    assert sum(shop.balance()) == -1500 - 59
    assert shop.listen()[-2:] == ["charge.dispute.created", "charge.dispute.funds_withdrawn"]
    with pytest.raises(stripe.InvalidRequestError, match="charged back"):
        refund(shop, paid)


def test_good_evidence_wins_the_money_back_but_not_the_fee(shop: Shop) -> None:
    paid = shop.charge("pm_card_createDispute", amount=1000)
    (dispute,) = shop.v1.disputes.list({"charge": str(paid.latest_charge)}).data
    shop.listen()

    shop.v1.disputes.update(dispute.id, {"evidence": {"uncategorized_text": "winning_evidence"}})

    won = shop.v1.disputes.retrieve(dispute.id)
    assert (won.status, won.evidence_details.submission_count) == ("won", 1)
    assert won.is_charge_refundable
    assert sum(shop.balance()) == 1000 - 59 - 1500
    assert shop.listen() == [
        "charge.dispute.updated",
        "charge.dispute.closed",
        "charge.dispute.funds_reinstated",
    ]


def test_a_dispute_that_nobody_answers_is_lost(shop: Shop) -> None:
    paid = shop.charge("pm_card_createDispute")

    shop.emulator.advance(days=10)

    (dispute,) = shop.v1.disputes.list({"payment_intent": paid.id}).data
    assert (dispute.status, dispute.evidence_details.past_due) == ("lost", True)
    assert "charge.dispute.funds_reinstated" not in shop.heard


def test_an_inquiry_takes_nothing_and_can_still_be_refunded(shop: Shop) -> None:
    paid = shop.charge("pm_card_createDisputeInquiry", amount=1000)
    (inquiry,) = shop.v1.disputes.list({"payment_intent": paid.id}).data

    refund(shop, paid)

    assert (inquiry.status, inquiry.balance_transactions) == ("warning_needs_response", [])
    assert "charge.dispute.funds_withdrawn" not in shop.listen()


def test_a_tester_opens_a_dispute_and_ends_it(shop: Shop) -> None:
    paid = shop.charge(amount=1000)

    opened = shop.emulator.dispute(paid)
    ended = shop.emulator.dispute(dispute=opened, outcome="lost")

    assert (opened["status"], ended["status"]) == ("needs_response", "lost")
    assert sum(shop.balance()) == -59 - 1500


def test_money_is_available_two_days_later_and_can_be_paid_out(shop: Shop) -> None:
    shop.charge(amount=1000)
    shop.listen()

    shop.emulator.advance(days=2)
    available = shop.balance()
    shop.v1.payouts.create({"amount": 900, "currency": "usd"})
    shop.emulator.advance(days=2)

    assert available == (941, 0)
    assert shop.balance() == (41, 0)
    assert shop.heard == ["charge.updated", "balance.available", "payout.created", "payout.paid"]


def test_a_payout_of_what_is_gone_meanwhile_comes_back(shop: Shop) -> None:
    intent = shop.charge("pm_card_bypassPending", amount=2000)
    payout = shop.v1.payouts.create({"amount": 1900, "currency": "usd"})

    shop.emulator.dispute(str(intent.latest_charge))
    shop.emulator.advance(days=2)

    assert shop.v1.payouts.retrieve(payout.id).failure_code == "insufficient_funds"
    assert shop.balance() == (1912 - 2000 - 1500, 0)


def test_every_cent_of_the_balance_has_a_transaction(shop: Shop) -> None:
    shop.charge("pm_card_createDispute", amount=5000)
    refund(shop, shop.charge(amount=3000), 1000)
    shop.emulator.advance(days=3)

    moved = shop.v1.balance_transactions.list({"limit": 100}).data

    assert sum(transaction.net for transaction in moved) == sum(shop.balance())
    assert all(transaction.net == transaction.amount - transaction.fee for transaction in moved)


def test_nobody_disputes_for_a_reason_that_no_bank_has(shop: Shop) -> None:
    paid = shop.charge()

    with pytest.raises(InvalidRequest, match="The reason must be one of"):
        shop.emulator.dispute(paid, reason="regret")


def test_a_bank_debit_cannot_be_disputed_here_and_that_is_said(shop: Shop) -> None:
    account = shop.v1.payment_methods.create(
        {
            "type": "sepa_debit",
            "sepa_debit": {"iban": "DE89370400440532013000"},
            "billing_details": {"name": "Jo", "email": "jo@example.com"},
        }
    )
    paid = shop.charge(account.id, currency="eur", mandate_data={"customer_acceptance": {"type": "offline"}})
    shop.emulator.advance(days=14)

    with pytest.raises(NotEmulated, match="disputes of sepa_debit payments"):
        shop.emulator.dispute(paid)


def test_a_dispute_of_a_part_changes_its_amount_until_it_ends(shop: Shop) -> None:
    paid = shop.charge(amount=1000)
    shop.listen()

    opened = shop.emulator.dispute(paid, amount=300)
    shop.emulator.dispute(dispute=opened, amount=800)
    changed = shop.emulator.dispute(dispute=opened, amount=200)

    assert changed["amount"] == 200
    assert [moved["amount"] for moved in changed["balance_transactions"]] == [-300, -500, 600]
    assert shop.listen()[-1] == "charge.dispute.updated"
    for amount in (0, 1001):
        with pytest.raises(InvalidRequest, match="is about 1 to 1000"):
            shop.emulator.dispute(dispute=opened, amount=amount)
    shop.emulator.dispute(dispute=opened, outcome="lost")
    with pytest.raises(InvalidRequest, match="already closed"):
        shop.emulator.dispute(dispute=opened, amount=100)
