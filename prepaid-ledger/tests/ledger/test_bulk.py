"""Many wallets at a time."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import text

from prepaid_ledger import SpendRequest, Spent
from prepaid_ledger.books import sweep
from prepaid_ledger.books.lots.lots import BrokenHistory
from prepaid_ledger.errors import InsufficientCredits, KeyReused

from .books import OWNER, Books

pytestmark = pytest.mark.each_database


def test_many_spends_are_made_and_each_refusal_is_in_its_place(books: Books) -> None:
    books.grant(3)
    books.grant(200, owner="user:2")

    results = books.ledger.spend_many(
        [SpendRequest(OWNER, 1, f"report:{number}") for number in range(5)]
        + [SpendRequest("user:2", 1, f"report:{number}") for number in range(195)]
    )

    assert [type(result) for result in results[:5]] == [
        Spent,
        Spent,
        Spent,
        InsufficientCredits,
        InsufficientCredits,
    ]
    assert all(isinstance(result, Spent) for result in results[5:])
    assert books.ledger.balance("user:2") == 5


def test_the_same_key_twice_in_one_batch_spends_once(books: Books) -> None:
    books.grant(3)

    first, again = books.ledger.spend_many([SpendRequest(OWNER, 1, "report:1")] * 2)

    assert isinstance(first, Spent)
    assert isinstance(again, Spent)
    assert (first.seq, again.seq, again.repeated) == (2, 2, True)
    assert books.ledger.balance(OWNER) == 2


def test_a_small_spend_after_one_that_is_too_large_is_still_made(books: Books) -> None:
    books.grant(3)

    requests = [SpendRequest(OWNER, 4, "report:1"), SpendRequest(OWNER, 3, "report:2")]
    large, small = books.ledger.spend_many(requests)

    assert isinstance(large, InsufficientCredits)
    assert isinstance(small, Spent)


def test_a_grant_takes_a_number_of_a_wallet_for_those_who_have_none_yet(books: Books) -> None:
    owners = [f"user:{number}" for number in range(1, 6)]
    for month in range(4):
        assert [*books.unjoined.grant_many(owners, 1, key=f"month:{month}", reason="a gift")] == [5]
    assert [*books.unjoined.grant_many([*owners, "user:6"], 1, key="month:4", reason="a gift")] == [6]

    assert books.unjoined.grant("user:7", 1, key="gift", reason="a gift").wallet_id == 7


def test_a_grant_to_many_is_given_once_and_pays_debts_first(books: Books) -> None:
    books.buy(100, 1000)
    books.spend(100, "report:1")
    books.refund(1000)
    owners = [OWNER, *(f"user:{number}" for number in range(2, 2600))]

    def give() -> list[int]:
        return list(
            books.ledger.grant_many(owners, 5, key="summer", reason="summer", expires_at=books.later(days=90))
        )

    assert give() == [1000, 2000, 2599]
    assert give() == [1000, 2000, 2599]

    assert books.ledger.balance("user:2599") == 5
    assert (books.ledger.balance(OWNER), books.ledger.wallet(OWNER).debt) == (0, 95)
    books.wait(days=90)
    assert books.ledger.balance("user:2599") == 0


def test_a_grant_to_many_under_a_used_key_gives_nothing(books: Books) -> None:
    books.grant(7, "summer")

    with pytest.raises(KeyReused):
        list(books.ledger.grant_many([OWNER, "user:2"], 5, key="summer", reason="summer"))

    assert books.ledger.balance("user:2") == 0


def test_what_is_due_anywhere_is_written(books: Books) -> None:
    for number in range(5):
        books.grant(10, owner=f"user:{number}", expires_at=books.later(days=number + 1))
    books.wait(days=3)

    assert books.ledger.write_due() == 3
    assert books.ledger.write_due() == 0
    assert [len(books.ledger.entries(f"user:{number}")) for number in range(5)] == [2, 2, 2, 1, 1]


def test_what_is_due_is_found_by_its_time_and_not_by_looking_at_all_wallets(books: Books) -> None:
    for number in range(3):
        books.grant(10, owner=f"user:{number}")
    books.ledger.hold("user:1", 4, key="job")
    books.wait(days=2)
    assert books.ledger.write_due() == 1
    assert books.ledger.wallet("user:1").held == 0

    is_sqlite = books.session.get_bind().dialect.name == "sqlite"
    if not is_sqlite:
        books.session.execute(text("SET LOCAL enable_seqscan = off"))  # three wallets are soon looked at
    for which in sweep.due(books.later()):
        written = which.compile(books.session.get_bind(), compile_kwargs={"literal_binds": True})
        explained = f"EXPLAIN {'QUERY PLAN ' if is_sqlite else ''}{written}"
        rows = books.session.connection().exec_driver_sql(explained)
        plan = " ".join(str(row) for row in rows)
        by_time = r"ix_prepaid_wallet_next_expiry_at|ix_prepaid_hold_due|_p\d+_(next_)?expir\w+_idx"
        assert re.search(by_time, plan), plan
        assert "Seq Scan" not in plan
        assert "SCAN prepaid_wallet" not in plan


@pytest.mark.parametrize("forgery", ["left_over = 2", None])
def test_a_wallet_that_cannot_be_written_leaves_the_others_be(
    books: Books, caplog: pytest.LogCaptureFixture, forgery: str | None
) -> None:
    owners = ["user:1", "user:2", "user:3"]
    for owner in owners:
        books.grant(10, owner=owner, expires_at=books.later(hours=1))
    books.unjoined.bring_up_to_date(*owners)
    books.spend(4, "report:1")
    of_first = "WHERE wallet_id = (SELECT id FROM prepaid_wallet WHERE owner = 'user:1')"
    with books.engine.begin() as connection:
        lot = connection.execute(text(f"SELECT * FROM prepaid_lot {of_first}")).one()._mapping
    if forgery is None:
        books.execute(f"DELETE FROM prepaid_lot {of_first}")
    else:
        books.execute(f"UPDATE prepaid_lot SET {forgery} {of_first}")
    books.wait(hours=2)

    for _ in range(2):
        books.unjoined.write_due()
        with pytest.raises(BrokenHistory):
            books.unjoined.bring_up_to_date(*owners)

    with books.engine.connect() as connection:
        balances = connection.execute(text("SELECT owner, balance FROM prepaid_wallet ORDER BY owner"))
        assert [tuple(row) for row in balances] == [("user:1", 6), ("user:2", 0), ("user:3", 0)]
    assert "The wallet of 'user:1' cannot be written" in caplog.text

    books.execute(f"DELETE FROM prepaid_lot {of_first}")
    names, values = ", ".join(map(str, lot)), ", ".join(f":{name}" for name in lot)
    books.execute(
        f"INSERT INTO prepaid_lot ({names}) VALUES ({values})",
        **{str(name): value for name, value in lot.items()},
    )
    assert books.unjoined.write_due() == 1
