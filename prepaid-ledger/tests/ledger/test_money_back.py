"""Credits whose money goes back: clawed back, owed, repaid, restored."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import URL

from prepaid_ledger import KeyReused, NothingToReverse, WalletBlocked, credits_of_refund
from prepaid_ledger.tables import Kind
from prepaid_ledger.testing import Databases

from .books import OWNER, Books


def test_a_refund_takes_the_rest_of_its_lot_before_other_credits(books: Books) -> None:
    books.grant(50)
    books.buy(100, 1000)

    books.refund(500)

    assert books.left() == {"gift": 50, "sale:1": 50}


def test_a_refund_of_a_partly_spent_lot_takes_other_credits_next(books: Books) -> None:
    books.buy(100, 1000)
    books.spend(60, "report:1")
    books.grant(50)

    books.refund(1000)

    assert books.left() == {}
    wallet = books.ledger.wallet(OWNER)
    assert (wallet.balance, wallet.debt) == (0, 10)


def test_held_credits_are_not_clawed_back(books: Books) -> None:
    books.buy(100, 1000)
    hold = books.ledger.hold(OWNER, 30, key="job:1")

    books.refund(1000)

    wallet = books.ledger.wallet(OWNER)
    assert (wallet.balance, wallet.held, wallet.debt) == (30, 30, 30)
    hold.capture()


def test_a_debt_is_paid_first_by_what_comes_in_next(books: Books) -> None:
    books.buy(100, 1000)
    books.spend(100, "report:1")
    books.refund(1000)

    books.grant(30)
    assert (books.ledger.balance(OWNER), books.ledger.wallet(OWNER).debt) == (0, 70)

    books.buy(100, 1000, "sale:2")
    assert (books.ledger.balance(OWNER), books.ledger.wallet(OWNER).debt) == (30, 0)
    assert books.left() == {"sale:2": 30}


def test_a_debt_is_not_paid_by_a_reversal_or_a_release(books: Books) -> None:
    books.buy(100, 1000)
    books.spend(60, "report:1")
    hold = books.ledger.hold(OWNER, 40, key="job:1")
    books.refund(1000)

    hold.release()
    books.reverse("report:1", "undo:1")

    wallet = books.ledger.wallet(OWNER)
    assert (wallet.balance, wallet.debt) == (100, 100)


def test_a_host_may_let_a_wallet_that_owes_go_on(database: URL) -> None:
    books = Books(database, debt_blocks=False)
    books.buy(10, 1000)
    books.spend(10, "report:1")
    books.refund(1000)
    books.reverse("report:1", "undo:1")

    books.spend(1, "report:2")
    books.ledger.spend_now(OWNER, key="report:3")

    assert books.ledger.balance(OWNER) == 8
    assert books.ledger.audit() == []
    books.close()


def test_the_same_refund_twice_claws_back_once(books: Books) -> None:
    books.buy(100, 1000)

    books.refund(300)
    books.refund(300)

    assert books.ledger.balance(OWNER) == 70
    with pytest.raises(KeyReused):
        books.refund(400)


def test_refunds_that_fail_one_after_the_other_give_all_back(books: Books) -> None:
    books.buy(1, 10)
    books.refund(6, "refund:1")
    books.refund(4, "refund:2")

    books.refund_failed("refund:1", "refund-failed:1")
    assert books.ledger.balance(OWNER) == 0
    with pytest.raises(NothingToReverse):
        books.refund_failed("refund-failed:1", "refund-failed:twice")

    books.refund_failed("refund:2", "refund-failed:2")
    assert books.ledger.balance(OWNER) == 1


def test_any_split_of_a_full_refund_takes_all_credits_and_no_more(books: Books) -> None:
    books.buy(10, 999)

    for number, minor in enumerate([1, 332, 333, 332, 1]):
        books.refund(minor, f"refund:{number}")

    assert books.ledger.balance(OWNER) == 0
    assert books.ledger.wallet(OWNER).debt == 0


def test_the_first_cent_takes_a_credit_and_the_second_none(books: Books) -> None:
    books.buy(10, 999)

    books.refund(1, "refund:1")
    second = books.refund(1, "refund:2")

    assert books.ledger.balance(OWNER) == 9
    assert second.credits == second.debt == 0
    assert second.seq not in [entry.seq for entry in books.ledger.entries(OWNER)]


def test_a_refund_that_fails_gives_back_what_it_took(books: Books) -> None:
    books.buy(100, 1000)
    books.refund(1000)

    books.refund_failed()
    books.refund_failed()

    assert books.ledger.balance(OWNER) == 100
    with pytest.raises(NothingToReverse):
        books.refund_failed(key="refund-failed:again")


def test_a_refund_that_fails_forgives_its_debt_first(books: Books) -> None:
    books.buy(100, 1000)
    books.spend(60, "report:1")
    books.refund(1000)
    assert books.ledger.wallet(OWNER).debt == 60

    books.refund_failed()

    wallet = books.ledger.wallet(OWNER)
    assert (wallet.balance, wallet.debt) == (40, 0)


def test_a_debt_that_was_repaid_comes_back_as_credits(books: Books) -> None:
    books.buy(100, 1000)
    books.spend(100, "report:1")
    books.refund(1000)
    books.buy(100, 1000, "sale:2")
    assert books.ledger.balance(OWNER) == 0

    books.refund_failed()

    assert books.ledger.balance(OWNER) == 100


def test_restored_credits_keep_the_end_of_their_lot_or_get_what_it_had_left(books: Books) -> None:
    books.buy(100, 1000, expires_at=books.later(days=10))
    books.wait(days=4)
    books.refund(500, "refund:1")
    books.refund(500, "refund:2")

    soon = books.refund_failed("refund:1", "refund-failed:1")
    assert soon.expires_at == books.later(days=6)

    books.wait(days=30)
    late = books.refund_failed("refund:2", "refund-failed:2")
    assert late.expires_at == books.later(days=6)


def test_a_second_refund_takes_what_the_first_gave_back_before_other_credits(books: Books) -> None:
    books.grant(10, expires_at=books.later(days=9))
    books.buy(100, 1000)
    books.refund(1000, "refund:1")
    books.refund_failed("refund:1")

    books.refund(1000, "dispute:1")

    assert books.left() == {"gift": 10}


def test_more_than_was_paid_claws_back_no_more_than_came_in(books: Books) -> None:
    books.buy(100, 1000)

    books.refund(1000, "refund:1")
    books.refund(1000, "dispute:1")

    assert (books.ledger.balance(OWNER), books.ledger.wallet(OWNER).debt) == (0, 0)


def test_what_was_free_is_clawed_back_by_the_credits_that_the_host_names(books: Books) -> None:
    books.buy(100, 0)

    books.claw_back(credits=30)
    books.claw_back(credits=30)

    assert books.ledger.balance(OWNER) == 70
    with pytest.raises(KeyReused):
        books.claw_back(credits=31)
    books.refund_failed()
    assert books.ledger.balance(OWNER) == 100


@pytest.mark.parametrize("lot_key", ["sale:none", "report:1"])
def test_only_what_came_in_can_be_clawed_back(books: Books, lot_key: str) -> None:
    books.buy(100, 1000)
    books.spend(1, "report:1")

    with pytest.raises(NothingToReverse):
        books.refund(100, lot_key=lot_key)
    with pytest.raises(NothingToReverse):
        books.refund_failed(claw_key="sale:1")


def test_the_end_does_not_depend_on_the_order_of_events(databases: Databases, kind: str) -> None:
    ends = set()
    for order in permutations(["first", "second", "failed", "spent"]):
        books = Books(databases.fresh(kind))
        books.buy(100, 999)
        for event in order:
            match event:
                case "first":
                    books.refund(333, "refund:1")
                case "second":
                    books.refund(500, "refund:2")
                case "failed" if "first" in order[: order.index("failed")]:
                    books.refund_failed("refund:1")
                case "spent":
                    try:
                        books.spend(10, "report:1")
                    except WalletBlocked:
                        raise AssertionError("it had enough") from None
        if order.index("first") > order.index("failed"):
            books.refund_failed("refund:1")
        wallet = books.ledger.wallet(OWNER)
        ends.add((wallet.balance, wallet.debt))
        assert books.ledger.audit() == []
        books.close()

    assert ends == {(100 - 51 - 10, 0)}


@given(st.integers(1, 10**6), st.integers(1, 10**6), st.lists(st.integers(0, 10**6), max_size=8))
def test_shares_rise_with_the_refunds_and_end_at_the_whole(
    credits: int, paid_minor: int, refunds: list[int]
) -> None:
    sums = [sum(refunds[:count]) for count in range(len(refunds) + 1)]
    shares = [credits_of_refund(credits, paid_minor, refunded_minor) for refunded_minor in sums]

    assert shares == sorted(shares)
    assert shares[0] == 0
    assert credits_of_refund(credits, paid_minor, paid_minor) == credits
    assert all(
        part * paid_minor >= credits * min(sum(refunds[:count]), paid_minor)
        for count, part in enumerate(shares)
    )


def test_a_correction_by_hand_is_an_entry_with_its_reason(books: Books) -> None:
    books.grant(10)

    books.adjust(5, "mistake:1")
    books.adjust(-3, "mistake:2")
    books.adjust(-3, "mistake:2")

    assert books.moves() == [(Kind.GRANT, 10), (Kind.ADJUSTMENT, 5), (Kind.ADJUSTMENT, -3)]
    assert books.ledger.entries(OWNER)[0].reason == "counted again"
