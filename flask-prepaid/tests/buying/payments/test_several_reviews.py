"""Several wrong charges of one payment, what went back of them, and credits that are given all the same."""

from __future__ import annotations

from typing import Any

import pytest

from flask_prepaid import Operator, Operators, Role, signals
from flask_prepaid.payments.customers import removal
from flask_prepaid.payments.models import Dispute, Payment, PaymentState

from ..purchases.test_what_stripe_holds import page
from ..shop import Shop, ShopWith

NOTE = "Looked at"


@pytest.fixture
def begun(shop: Shop) -> Shop:
    """A customer has begun to buy 100 credits for $5.00."""
    shop.buy()
    return shop


def pay_wrong(shop: Shop, minor: int = 400) -> str:
    """A page that asked for another price has been paid; its PaymentIntent."""
    session = page(shop, price={"unit_amount": minor})
    shop.pay(session)
    intent = shop.dashboard().v1.checkout.sessions.retrieve(session).payment_intent
    assert isinstance(intent, str)
    return intent


def payment(shop: Shop) -> Payment:
    return shop.payments()[0]


def review(shop: Shop, *more: str) -> Any:
    return shop.command("review", "1", "--note", NOTE, *more)


def disputes_of(shop: Shop) -> list[Dispute]:
    return list(shop.read(lambda: shop.prepaid.session.query(Dispute).all()))


def test_each_wrong_charge_is_reviewed_by_itself(begun: Shop) -> None:
    first, second = pay_wrong(begun), pay_wrong(begun, 900)
    called: list[object] = []

    refused = review(begun)
    assert refused.exit_code == 1
    assert first in refused.stderr
    assert second in refused.stderr
    assert review(begun, "--charge", second).exit_code == 0
    assert (payment(begun).reviewed_at, payment(begun).failure) == (None, "Stripe asked for $4.00")

    with signals.payment_needs_review.connected_to(lambda sender, **news: called.append(news)):
        for event in begun.inbox():
            begun.command("replay", event.id)
    assert called == []

    assert review(begun).exit_code == 0
    assert payment(begun).reviewed_at is not None
    assert begun.command("reconcile").exit_code == 0
    assert review(begun, "--charge", "pi_unknown").exit_code == 1


def test_a_wrong_charge_that_is_refunded_leaves_the_other_to_be_reviewed(begun: Shop) -> None:
    first, second = pay_wrong(begun), pay_wrong(begun, 900)

    begun.dashboard().v1.refunds.create({"payment_intent": second})
    begun.stripe.deliver()
    begun.command("reconcile", "--fix")
    assert payment(begun).state is PaymentState.NEEDS_REVIEW
    assert payment(begun).failure == "Stripe asked for $4.00"

    begun.dashboard().v1.refunds.create({"payment_intent": first})
    begun.stripe.deliver()
    begun.command("reconcile", "--fix")
    assert payment(begun).is_sent_back


def test_a_dispute_in_a_review_is_kept_and_counts_once_the_credits_are_given(begun: Shop) -> None:
    intent = pay_wrong(begun)
    begun.stripe.dispute(intent)
    begun.stripe.deliver()
    (dispute,) = disputes_of(begun)
    assert (dispute.state, dispute.taken_minor, begun.balance()) == ("needs_response", 0, 0)

    assert review(begun, "--give").exit_code == 0

    assert (payment(begun).state, payment(begun).paid_minor, begun.balance()) == (PaymentState.PAID, 400, 0)
    assert disputes_of(begun)[0].taken_minor == 400
    begun.stripe.dispute(dispute=dispute.id, outcome="won")
    begun.stripe.deliver()
    assert begun.balance() == 100


def test_a_charge_of_another_customer_is_never_accepted(begun: Shop) -> None:
    other = begun.dashboard().v1.customers.create({"name": "Somebody"})
    begun.pay(page(begun, customer=other.id))
    assert payment(begun).state is PaymentState.NEEDS_REVIEW

    refused = review(begun, "--give")

    assert refused.exit_code == 1
    assert "gives no credits: it was not made for this payment. Refund it" in refused.stderr
    assert (payment(begun).reviewed_at, begun.balance()) == (None, 0)


def test_a_discount_that_the_shop_does_not_give_can_be_let_count(begun: Shop) -> None:
    coupon = begun.dashboard().v1.coupons.create({"percent_off": 50, "duration": "once"})
    begun.pay(page(begun, discounts=[{"coupon": coupon.id}]))
    assert "has a discount" in (payment(begun).failure or "")

    assert review(begun, "--give").exit_code == 0

    assert (payment(begun).paid_minor, begun.balance()) == (250, 100)
    assert begun.command("reconcile").exit_code == 0


def test_a_charge_in_another_currency_is_never_accepted(begun: Shop) -> None:
    begun.pay(page(begun, price={"currency": "eur"}))

    refused = review(begun, "--give")

    assert "it was paid in eur, and the price is in usd" in refused.stderr
    assert (payment(begun).reviewed_at, begun.balance()) == (None, 0)


def test_a_wrong_charge_is_accepted_and_then_is_a_payment_like_any_other(begun: Shop) -> None:
    pay_wrong(begun)

    given = review(begun, "--give")

    assert (given.exit_code, given.stderr) == (0, "Payment 1 has given its credits.\n")
    assert begun.balance() == 100
    assert begun.command("reconcile").exit_code == 0
    again = review(begun, "--give")
    assert (again.exit_code, again.stderr, begun.balance()) == (0, given.stderr, 100)
    begun.read(lambda: begun.prepaid.refund(1, reason="asked for"))
    assert (begun.balance(), payment(begun).refunded_minor) == (0, 400)


def test_what_was_refunded_in_part_before_takes_its_credits_when_they_are_given(begun: Shop) -> None:
    intent = pay_wrong(begun)
    begun.dashboard().v1.refunds.create({"payment_intent": intent, "amount": 100})
    begun.stripe.deliver()

    review(begun, "--give")

    assert (begun.balance(), payment(begun).refunded_minor) == (75, 100)


def test_one_of_two_wrong_charges_is_accepted_and_the_others_dispute_takes_nothing(begun: Shop) -> None:
    first, second = pay_wrong(begun), pay_wrong(begun, 900)
    begun.stripe.dispute(first)
    begun.stripe.deliver()

    assert review(begun, "--give", "--charge", second).exit_code == 0
    begun.tick()

    assert (payment(begun).payment_intent_id, payment(begun).paid_minor) == (second, 900)
    assert (begun.balance(), disputes_of(begun)[0].taken_minor) == (100, 0)
    assert begun.read(lambda: begun.prepaid.payments("user:1"))[0].shown_state == "paid"
    assert f"{first} has brought" not in begun.command("reconcile").output
    begun.read(lambda: begun.prepaid.refund(1, reason="asked for"))
    assert begun.balance() == 0


def test_a_warning_in_a_review_is_answered_once_the_credits_are_given(shop_with: ShopWith) -> None:
    shop = shop_with(PREPAID_REFUND_FRAUD_WARNINGS=True)
    shop.buy()
    shop.stripe.pay(page(shop, price={"unit_amount": 400}), card="4000000000005423")
    shop.stripe.deliver()
    shop.tick()
    assert payment(shop).refunded_minor == 0

    review(shop, "--give")
    shop.tick()

    assert (payment(shop).refunded_minor, shop.balance()) == (400, 0)


def test_a_customer_who_has_left_is_given_nothing(begun: Shop) -> None:
    pay_wrong(begun)
    begun.read(lambda: removal.remove(begun.prepaid, "user:1"))

    refused = review(begun, "--give")

    assert "it belongs to a customer who is gone" in refused.stderr
    assert (payment(begun).reviewed_at, begun.balance()) == (None, 0)


def test_a_dispute_in_a_review_that_nobody_has_heard_of_is_drift(begun: Shop) -> None:
    intent = pay_wrong(begun)
    begun.command("review", "1", "--note", NOTE)
    begun.stripe.hear("nothing.of.interest")
    begun.stripe.dispute(intent)
    begun.stripe.deliver()
    assert "it is needs_response; here it is not known" in begun.command("reconcile").output

    assert begun.command("reconcile", "--fix").exit_code == 0

    assert [dispute.state for dispute in disputes_of(begun)] == ["needs_response"]


def test_a_dispute_that_was_heard_of_in_a_review_counts_as_soon_as_the_payment_is_paid(begun: Shop) -> None:
    """The shop takes no codes; then it does, and the page that was paid with one is settled."""
    intent = pay_wrong(begun)
    begun.stripe.dispute(intent)
    begun.stripe.deliver()
    begun.change_payments(amount_minor=400)  # as if the books came from elsewhere

    begun.command("reconcile", "--fix")
    assert (payment(begun).state, begun.balance()) == (PaymentState.PAID, 100)
    begun.tick()

    assert (begun.balance(), disputes_of(begun)[0].taken_minor) == (0, 400)


def test_an_operator_reviews_one_and_lets_the_other_count_on_the_payments_page(
    shop_with: ShopWith,
) -> None:
    operators = Operators(current=lambda: Operator("olga", Role.ADMIN))
    shop = shop_with(operators=operators)
    shop.buy()
    first, second = pay_wrong(shop), pay_wrong(shop, 900)
    place, browser = "/prepaid/admin/payments/1", shop.browser()

    without = shop.send_form(browser, place, to=f"{place}/review", reason=NOTE)
    assert first in browser.get(without.location).text
    shop.send_form(browser, place, to=f"{place}/review", reason=NOTE, charge=second)
    assert payment(shop).reviewed_at is None
    form = {"reason": "A rebate", "charge": first, "give": "yes"}
    for press in ("a first", "a second"):
        pressed = shop.send_form(browser, "/prepaid/buy", to=f"{place}/review", **form)
        text = " ".join(browser.get(pressed.location).text.split())
        assert "Payment 1 has given its credits." in text, press
    assert "A rebate (by olga)" in text
    assert "Give the credits" not in text
    assert (payment(shop).payment_intent_id, shop.balance()) == (first, 100)


def test_an_invoice_that_was_paid_by_a_bank_transfer_gives_its_credits_when_somebody_says_so(
    shop_with: ShopWith,
) -> None:
    shop = shop_with(PREPAID_INVOICES=True)
    card = shop.keep_card("user:1", "4000002760003184")  # the bank asks, and nobody answers
    shop.press(card, pack="starter")
    invoice = payment(shop).invoice_id
    assert invoice is not None
    shop.dashboard().v1.invoices.pay(invoice, {"paid_out_of_band": True})
    shop.stripe.deliver()
    assert (payment(shop).state, shop.balance()) == (PaymentState.NEEDS_REVIEW, 0)
    assert payment(shop).failure == "Its invoice was paid outside of Stripe"

    given = review(shop, "--give")

    assert given.exit_code == 0
    paid = payment(shop)
    assert (paid.state, paid.paid_minor, paid.charged_minor) == (PaymentState.PAID, 500, 0)
    assert shop.balance() == 100
    assert shop.command("reconcile").exit_code == 0
    note: Any = {"invoice": invoice, "amount": 500, "out_of_band_amount": 500}
    shop.dashboard().v1.credit_notes.create(note)
    shop.stripe.deliver()
    assert shop.balance() == 0
