"""The state of a payment as pages show it: the same, whoever reads it."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from flask_prepaid.payments import shown_states
from flask_prepaid.payments.models import Payment
from flask_prepaid.payments.shown_states import ShownState
from flask_prepaid.purchases.money_back import refunds

from ..shop import Shop

DISPUTED = "4000000000000259"


def refund(shop: Shop, amount_minor: int) -> None:
    number = shop.payments()[-1].id
    shop.read(lambda: refunds.refund(shop.prepaid, number, amount_minor=amount_minor, reason="asked for"))


def end_dispute(shop: Shop, outcome: str) -> None:
    """The bank decides about the dispute of the latest payment."""
    (dispute, *_) = shop.dashboard().v1.disputes.list().data
    shop.stripe.dispute(dispute=dispute.id, outcome=outcome)


def shown(shop: Shop) -> dict[int, ShownState]:
    def read() -> dict[int, ShownState]:
        session = shop.prepaid.session
        return shown_states.of_each(session, session.scalars(select(Payment)).all())

    return shop.read(read)  # type: ignore[no-any-return]


def ids_of(shop: Shop, state: ShownState) -> list[int]:
    wanted = select(Payment.id).where(shown_states.column() == state).order_by(Payment.id)
    return shop.read(lambda: list(shop.prepaid.session.scalars(wanted)))  # type: ignore[no-any-return]


@pytest.mark.each_database
def test_a_query_by_a_shown_state_finds_what_a_page_shows(shop: Shop) -> None:
    shop.stripe.pay(shop.buy(), card="4000000000005126")
    refund(shop, 300)
    shop.stripe.advance(days=10)  # the bank sends it back
    shop.buy()
    for amounts in ((), (200,), (200, 300)):
        shop.pay(shop.buy())
        for amount in amounts:
            refund(shop, amount)
    for outcome in (None, "lost", "won"):
        shop.stripe.pay(shop.buy(), card=DISPUTED)
        if outcome:
            end_dispute(shop, outcome)
    shop.stripe.pay(shop.buy(), card="4000000000001976")  # its bank asks, and takes nothing
    shop.stripe.pay(shop.buy(), card="4000000000007726")
    refund(shop, 300)

    expected = [
        *("refund_failed", "open", "paid", "partly_refunded", "refunded"),
        *("disputed", "dispute_lost", "paid", "paid"),
        "refund_under_way",
    ]
    states = sorted(shown(shop).items())
    assert [state for _, state in states] == expected
    for state in shown_states.ALL:
        assert ids_of(shop, state) == [number for number, word in states if word is state]


@pytest.mark.parametrize("word", ["", "none", "PAID", "paid "])
def test_a_word_that_is_no_state_names_none(word: str) -> None:
    assert shown_states.named(word) is None
    assert {shown_states.named(state) for state in shown_states.ALL} == set(shown_states.ALL)


@pytest.mark.each_database
def test_payments_are_read_with_the_state_that_pages_show(shop: Shop) -> None:
    """One query for all of them; and what was read before is not what is true now."""
    for _ in range(3):
        shop.pay(shop.buy())
    refund(shop, 200)

    def states() -> list[str]:
        return [payment.shown_state for payment in shop.prepaid.payments("user:1")]

    def read_and_refund() -> list[list[str]]:
        before = states()
        refunds.refund(shop.prepaid, 1, amount_minor=500, reason="asked for")
        return [before, states()]

    assert shop.read(read_and_refund) == [
        ["partly_refunded", "paid", "paid"],
        ["partly_refunded", "paid", "refunded"],
    ]
