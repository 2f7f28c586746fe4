"""What a customer owes credits for: work that cost more than was there, or money that went back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ledger.books import OWNER, Books
from sqlalchemy import URL

from flask_prepaid.purchases import debts
from prepaid_ledger import Kind

pytestmark = pytest.mark.each_database

SPEND, CLAWBACK = Kind.SPEND, Kind.CLAWBACK


@pytest.fixture
def books(database: URL) -> Iterator[Books]:
    books = Books(database)
    yield books
    books.close()


def owed(books: Books, owner: str = OWNER) -> list[tuple[Kind, int]]:
    return [(debt.kind, debt.credits) for debt in debts.owed(books.session, owner)]


def overrun(books: Books, credits: int, key: str, owner: str = OWNER) -> None:
    """Work costs so many credits more than are there."""
    available = books.ledger.available(owner)
    books.ledger.hold(owner, available, key=key)
    books.ledger.capture(owner, key=key, credits=available + credits, overrun="debt")
    books.commit()


def sold_out(books: Books, *sales: str) -> None:
    """Each sale is of 100 credits, for 1000, and all of them are spent."""
    for sale in sales:
        books.buy(100, 1_000, sale)
    books.spend(100 * len(sales), "everything")


def test_who_owes_nothing_owes_for_nothing(books: Books) -> None:
    books.grant(10)

    assert owed(books) == []
    assert owed(books, "user:nobody") == []


def test_credits_that_come_in_pay_what_was_owed_first(books: Books) -> None:
    books.grant(5)
    overrun(books, 40, "answer:1")
    assert owed(books) == [(SPEND, 40)]

    books.grant(30, "gift:2")
    assert owed(books) == [(SPEND, 10)]
    books.grant(11, "gift:3")
    assert owed(books) == []


def test_a_debt_of_a_refund_stands_behind_an_earlier_one_of_spending(books: Books) -> None:
    books.buy(100, 1_000)
    overrun(books, 30, "answer:1")
    books.refund(1_000)
    assert owed(books) == [(SPEND, 30), (CLAWBACK, 100)]

    books.grant(50)
    assert owed(books) == [(CLAWBACK, 80)]

    books.refund_failed()
    assert owed(books) == []
    assert books.ledger.balance(OWNER) == 20


def test_a_refund_that_failed_takes_its_own_debt_along(books: Books) -> None:
    sold_out(books, "sale:1", "sale:2")
    books.refund(1_000, "refund:1", "sale:1")
    books.refund(600, "refund:2", "sale:2")
    assert owed(books) == [(CLAWBACK, 100), (CLAWBACK, 60)]

    books.refund_failed("refund:2", "failed:2")
    assert owed(books) == [(CLAWBACK, 100)]


def test_what_is_left_of_a_refund_that_failed_pays_what_else_is_owed(books: Books) -> None:
    sold_out(books, "sale:1", "sale:2")
    books.refund(1_000, "refund:1", "sale:1")
    books.refund(1_000, "refund:2", "sale:2")
    books.grant(60)
    assert owed(books) == [(CLAWBACK, 40), (CLAWBACK, 100)]

    books.refund_failed("refund:1", "failed:1")

    assert owed(books) == [(CLAWBACK, 40)]
    books.refund_failed("refund:2", "failed:2")
    assert owed(books) == []
    assert books.ledger.balance(OWNER) == 60


def test_a_debt_that_was_paid_long_ago_is_not_read_again(books: Books) -> None:
    books.buy(10, 100, "sale:0")
    overrun(books, 5, "answer:1")
    books.grant(5)
    sold_out(books, "sale:1")
    books.refund(1_000)

    assert owed(books) == [(CLAWBACK, 100)]


def test_a_debt_is_of_its_own_wallet(books: Books) -> None:
    for owner, credits in ((OWNER, 7), ("user:2", 9)):
        books.grant(5, owner=owner)
        overrun(books, credits, "answer:1", owner)

    assert [owed(books, owner) for owner in (OWNER, "user:2")] == [[(SPEND, 7)], [(SPEND, 9)]]


def test_the_first_debt_is_paid_first_whatever_it_is_of(books: Books) -> None:
    books.buy(100, 1_000)
    books.spend(90, "report:1")
    books.ledger.hold(OWNER, 10, key="answer:1")
    books.commit()
    books.refund(1_000)
    books.ledger.capture(OWNER, key="answer:1", credits=30, overrun="debt")
    books.commit()
    (of_refund, of_work) = owed(books)
    assert (of_refund[0], of_work[0]) == (CLAWBACK, SPEND)

    books.grant(of_refund[1])

    assert owed(books) == [of_work]


def test_a_single_credit_is_owed_and_pays_as_well(books: Books) -> None:
    for owner, credits in ((OWNER, 1), ("user:2", 2)):
        books.grant(5, owner=owner)
        overrun(books, credits, "answer:1", owner)

    books.grant(1, "gift:2", owner="user:2")

    assert [owed(books, owner) for owner in (OWNER, "user:2")] == [[(SPEND, 1)]] * 2
