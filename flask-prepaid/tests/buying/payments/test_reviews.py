"""A payment that is not as agreed: an operator looks at it, and says so; then nobody is sent there again."""

from __future__ import annotations

import pytest

from flask_prepaid import signals
from flask_prepaid.context import write_now
from flask_prepaid.payments.models import Payment, PaymentState
from flask_prepaid.purchases import settling
from flask_prepaid.web.pages import declines

from ..purchases.test_what_stripe_holds import page
from ..shop import Shop

NOTE = "Refunded in the dashboard"


@pytest.fixture
def begun(shop: Shop) -> Shop:
    """A customer has begun to buy 100 credits for $5.00."""
    shop.buy()
    return shop


def to_review(shop: Shop) -> Payment:
    """A page that asked for another price than was agreed has been paid."""
    shop.pay(page(shop, price={"unit_amount": 400}))
    payment = shop.payments()[0]
    assert payment.state is PaymentState.NEEDS_REVIEW
    return payment


def test_the_doctor_counts_what_needs_a_review_until_somebody_has_made_it(begun: Shop) -> None:
    to_review(begun)
    assert "1 payment needs a review" in begun.command("doctor").stderr

    done = begun.command("review", "1", "--note", NOTE)

    assert (done.exit_code, done.stderr) == (0, "Payment 1 is reviewed.\n")
    assert "review" not in begun.command("doctor").stderr
    payment = begun.payments()[0]
    assert payment.state is PaymentState.NEEDS_REVIEW
    assert (payment.review or "").startswith(f"{NOTE} (by ")


def test_a_second_review_leaves_the_first_ones_note(begun: Shop) -> None:
    to_review(begun)
    begun.command("review", "1", "--note", NOTE)
    first = begun.payments()[0]

    assert begun.command("review", "1", "--note", "Another").exit_code == 0

    again = begun.payments()[0]
    assert (again.reviewed_at, again.review) == (first.reviewed_at, first.review)


@pytest.mark.parametrize(
    ("number", "sentence"),
    [("1", "Payment 1 is open: it needs no review."), ("2", "There is no payment 2.")],
)
def test_what_needs_no_review_gets_none(begun: Shop, number: str, sentence: str) -> None:
    refused = begun.command("review", number, "--note", NOTE)

    assert refused.exit_code == 1
    assert sentence in refused.stderr
    assert begun.payments()[0].reviewed_at is None


def test_the_same_event_calls_nobody_again_and_another_fault_does(begun: Shop) -> None:
    to_review(begun)
    begun.command("review", "1", "--note", NOTE)
    called: list[object] = []

    with signals.payment_needs_review.connected_to(lambda sender, **news: called.append(news)):
        for event in begun.inbox():
            begun.command("replay", event.id)
        assert (called, begun.payments()[0].reviewed_at is None) == ([], False)
        begun.pay(page(begun, price={"unit_amount": 900}))

    assert len(called) == 1
    payment = begun.payments()[0]
    assert (payment.reviewed_at, payment.review, payment.failure) == (None, None, "Stripe asked for $9.00")


def test_the_customer_reads_that_somebody_has_looked_at_it(begun: Shop) -> None:
    to_review(begun)
    assert "We are looking at it" in begun.browser().get("/prepaid/billing").text

    begun.command("review", "1", "--note", NOTE)

    assert "We have looked at it" in begun.browser().get("/prepaid/billing").text
    result = begun.browser().get("/prepaid/return?payment=1").text
    assert "We have looked at this payment" in result
    assert "Do not pay again" not in result
    assert declines.of_payment(begun.payments()[0]) == declines.REVIEWED


def test_what_was_reviewed_is_no_difference_from_stripe_and_what_is_paid_later_is(begun: Shop) -> None:
    to_review(begun)
    assert "$4.00 is paid; here it is needs_review" in begun.command("reconcile").output

    begun.command("review", "1", "--note", NOTE)

    assert begun.command("reconcile").exit_code == 0
    begun.pay(page(begun, price={"unit_amount": 900}))
    assert "$9.00 is paid; here it is needs_review" in begun.command("reconcile").output
    begun.command("review", "1", "--note", NOTE)
    assert begun.command("reconcile").exit_code == 0


def test_another_customers_page_that_was_refunded_leaves_the_payment_as_it_is_however_often_it_comes(
    begun: Shop,
) -> None:
    session = page(begun, customer=begun.dashboard().v1.customers.create({}).id)
    begun.stripe.hear("charge.refunded")
    begun.pay(session)
    (charge,) = begun.charges()
    begun.dashboard().v1.refunds.create({"charge": charge.id})

    for _ in range(3):
        begun.read(lambda: write_now(begun.prepaid, settling.sync_checkout(begun.prepaid, session)))

        payment = begun.payments()[0]
        assert (payment.state, payment.failure) == (PaymentState.OPEN, None)
        assert payment.check_at is not None


@pytest.mark.parametrize("is_heard", [True, False])
def test_a_fetch_that_is_older_than_the_full_refund_calls_nobody(begun: Shop, is_heard: bool) -> None:
    """A slow worker has fetched the page before its money went back, and writes it afterwards."""
    session = page(begun, price={"unit_amount": 400})
    if not is_heard:
        begun.stripe.hear("charge.refunded")
    begun.pay(session)
    late = begun.read(lambda: settling.sync_checkout(begun.prepaid, session))
    (charge,) = begun.charges()
    begun.dashboard().v1.refunds.create({"charge": charge.id})
    begun.stripe.deliver()
    begun.read(lambda: write_now(begun.prepaid, settling.sync_checkout(begun.prepaid, session)))
    before, called = begun.payments()[0], list[object]()

    with signals.payment_needs_review.connected_to(lambda sender, **news: called.append(news)):
        begun.read(lambda: write_now(begun.prepaid, late))

    after = begun.payments()[0]
    assert called == []
    assert (after.state, after.failure) == (before.state, before.failure)
    assert after.state is not PaymentState.NEEDS_REVIEW
    assert begun.command("reconcile").exit_code == 0
