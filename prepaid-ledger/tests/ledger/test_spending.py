"""Credits that are spent: once each, and only those that are there."""

from __future__ import annotations

from functools import partial

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, func, insert, select
from sqlalchemy.exc import IntegrityError

from prepaid_ledger import Spent
from prepaid_ledger.errors import InsufficientCredits, KeyReused, WalletBlocked
from prepaid_ledger.tables import Kind

from .books import OWNER, Books

pytestmark = pytest.mark.each_database

numbers = Table("numbers", MetaData(), Column("id", Integer, primary_key=True), Column("value", Integer))


def test_a_wallet_comes_to_life_at_its_first_use(books: Books) -> None:
    assert books.ledger.balance("user:new") == 0
    assert books.ledger.entries("user:new") == []

    books.grant(3, owner="user:new")

    assert books.ledger.balance("user:new") == 3


@pytest.mark.parametrize("owner", ["a", "x" * 64])
def test_the_shortest_and_the_longest_owner_and_key_are_taken(books: Books, owner: str) -> None:
    for key in ("k", "y" * 120):
        books.grant(1, key, owner=owner)

    assert books.ledger.balance(owner) == 2


def test_a_spend_takes_its_credits_in_the_hosts_transaction(books: Books) -> None:
    books.grant(10)

    books.ledger.spend(OWNER, credits=3, key="report:1")
    books.session.rollback()
    assert books.ledger.balance(OWNER) == 10

    books.ledger.spend(OWNER, credits=3, key="report:1")
    books.commit()
    assert books.ledger.balance(OWNER) == 7


def test_the_same_key_spends_once_and_returns_the_first_entry(books: Books) -> None:
    books.grant(10)
    first = books.spend(3, "report:1")

    again = books.spend(3, "report:1")

    assert again.seq == first.seq
    assert books.moves() == [(Kind.GRANT, 10), (Kind.SPEND, -3)]


def test_the_same_key_twice_in_one_transaction_spends_once(books: Books) -> None:
    books.grant(10)
    books.ledger.spend(OWNER, credits=3, key="report:1")
    books.ledger.spend(OWNER, credits=3, key="report:1")
    books.commit()

    assert books.ledger.balance(OWNER) == 7


@pytest.mark.parametrize("credits", [2, 4])
def test_a_key_that_moved_something_else_is_refused(books: Books, credits: int) -> None:
    books.grant(10)
    books.spend(3, "report:1")

    with pytest.raises(KeyReused):
        books.spend(credits, "report:1")
    with pytest.raises(KeyReused):
        books.ledger.spend_now(OWNER, credits=credits, key="report:1")
    with pytest.raises(KeyReused):
        books.grant(3, "report:1")

    assert books.ledger.balance(OWNER) == 7


def test_more_than_is_there_is_refused_and_says_how_much_is(books: Books) -> None:
    books.grant(2)

    with pytest.raises(InsufficientCredits) as refused:
        books.spend(3, "report:1")
    with pytest.raises(InsufficientCredits):
        books.ledger.spend_now(OWNER, credits=3, key="report:2")

    assert (refused.value.needed, refused.value.available) == (3, 2)
    assert books.ledger.balance(OWNER) == 2


def test_an_owner_never_heard_of_can_spend_nothing(books: Books) -> None:
    with pytest.raises(InsufficientCredits):
        books.spend(1, "report:1", owner="user:nobody")
    with pytest.raises(InsufficientCredits):
        books.ledger.spend_now("user:nobody", key="report:1")


@pytest.mark.parametrize("credits", [0, -1, 1.5, True, "1", 10**16])
def test_credits_are_whole_and_positive(books: Books, credits: int) -> None:
    books.grant(10)

    with pytest.raises(ValueError, match="credits are a whole number"):
        books.ledger.spend(OWNER, credits=credits, key="report:1")
    with pytest.raises(ValueError, match="credits are a whole number"):
        books.ledger.spend_now(OWNER, credits=credits, key="report:1")
    with pytest.raises(ValueError, match="credits are a whole number"):
        books.ledger.grant(OWNER, credits, key="gift:2", reason="a gift")


@pytest.mark.parametrize("key", ["", "x" * 121, "hold:job", "expiry:1:2", "repay:1", "a\x00b"])
def test_a_key_that_is_none_or_the_ledgers_own_is_refused(books: Books, key: str) -> None:
    with pytest.raises(ValueError, match="key"):
        books.ledger.spend(OWNER, key=key)
    with pytest.raises(ValueError, match="key"):
        books.ledger.grant(OWNER, 1, key=key, reason="a gift")
    books.buy(10, 100)
    books.refund(50)
    with pytest.raises(ValueError, match="key"):
        books.refund(50, key)
    with pytest.raises(ValueError, match="key"):
        books.refund_failed("refund:1", key)


@pytest.mark.parametrize("owner", ["", "x" * 65, "a\x00b"])
def test_an_owner_that_the_table_cannot_hold_is_refused(books: Books, owner: str) -> None:
    with pytest.raises(ValueError, match="owner"):
        books.ledger.grant(owner, 1, key="gift", reason="a gift")


def test_spend_now_commits_its_work_with_it_or_neither(books: Books) -> None:
    numbers.create(books.engine)
    books.grant(2)
    work = insert(numbers)

    books.ledger.spend_now(OWNER, key="number:1", work=work, values={"id": 1, "value": 7})
    with pytest.raises(IntegrityError):
        books.ledger.spend_now(OWNER, key="number:2", work=work, values={"id": 1, "value": 8})

    assert books.ledger.balance(OWNER) == 1
    assert books.session.scalars(select(numbers.c.value)).all() == [7]


def test_spend_now_returns_what_its_work_returns(books: Books) -> None:
    numbers.create(books.engine)
    books.grant(2)

    spent = books.ledger.spend_now(
        OWNER, key="number:1", work=insert(numbers).values(value=7).returning(numbers.c.id, numbers.c.value)
    )

    assert spent.row is not None
    assert spent.row.value == 7
    assert (spent.balance, spent.repeated) == (1, False)


def test_a_repeat_of_spend_now_runs_no_work(books: Books) -> None:
    numbers.create(books.engine)
    books.grant(2)
    books.ledger.spend_now(OWNER, key="number:1", work=insert(numbers), values={"value": 7})

    again = books.ledger.spend_now(OWNER, key="number:1", work=insert(numbers), values={"value": 8})

    assert (again.balance, again.repeated) == (1, True)
    assert books.session.scalar(select(func.count()).select_from(numbers)) == 1


def test_40_threads_get_the_last_10_credits_once_each(books: Books) -> None:
    numbers.create(books.engine)
    books.grant(10)

    def draw(number: int) -> Spent:
        return books.ledger.spend_now(
            OWNER, key=f"number:{number}", work=insert(numbers), values={"value": number}
        )

    results = books.all_at_once([partial(draw, number) for number in range(40)])

    refused = [result for result in results if isinstance(result, InsufficientCredits)]
    assert len(refused) == 30
    assert books.ledger.balance(OWNER) == 0
    assert books.session.scalar(select(func.count()).select_from(numbers)) == 10


def test_40_threads_that_spend_in_the_hosts_transaction_get_10_credits_too(books: Books) -> None:
    books.grant(10)

    results = books.all_at_once([partial(books.spend, 1, f"number:{number}") for number in range(40)])

    assert sum(isinstance(result, InsufficientCredits) for result in results) == 30
    assert books.ledger.balance(OWNER) == 0


def test_30_threads_with_one_key_spend_once(books: Books) -> None:
    books.grant(10)

    results = books.all_at_once([lambda: books.ledger.spend_now(OWNER, key="number:1")] * 30)

    assert {result.balance for result in results if not isinstance(result, Exception)} == {9}
    assert books.moves() == [(Kind.GRANT, 10), (Kind.SPEND, -1)]


def test_many_wallets_at_once_keep_apart(books: Books) -> None:
    for number in range(8):
        books.grant(5, owner=f"user:{number}")

    books.all_at_once(
        [partial(books.ledger.spend_now, f"user:{spend % 8}", key=f"number:{spend}") for spend in range(40)]
    )

    assert [books.ledger.balance(f"user:{number}") for number in range(8)] == [0] * 8


def test_a_wallet_that_owes_credits_is_blocked(books: Books) -> None:
    books.buy(10, 1000)
    books.spend(10, "report:1")
    books.refund(1000)
    books.reverse("report:1", "undo:1")

    with pytest.raises(WalletBlocked):
        books.spend(1, "report:2")
    with pytest.raises(WalletBlocked):
        books.ledger.spend_now(OWNER, key="report:2")

    assert books.ledger.wallet(OWNER).debt == 10
