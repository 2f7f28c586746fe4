"""Budgets: nobody overruns one, and it counts what was charged in its window, no more and no less."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from prepaid_ledger import BudgetSummary, SpendRequest, Spent
from prepaid_ledger.errors import BudgetExceeded, InsufficientCredits
from prepaid_ledger.testing import Databases

from .books import OWNER, Books

pytestmark = pytest.mark.each_database

KEY = "key:17"


def set_budget(books: Books, credits: int | None, **terms: Any) -> None:
    books.ledger.set_budget(OWNER, credits, **terms)
    books.commit()


def spent(books: Books) -> list[int]:
    return [budget.spent for budget in books.ledger.budgets(OWNER)]


def spend_in_your_transaction(books: Books, credits: int, key: str, spender: str | None) -> object:
    return books.committed(lambda: books.ledger.spend(OWNER, credits=credits, key=key, spender=spender))


def spend_in_a_batch(books: Books, credits: int, key: str, spender: str | None) -> object:
    return books.ledger.spend_now(OWNER, credits=credits, key=key, spender=spender)


def spend_awaited(books: Books, credits: int, key: str, spender: str | None) -> object:
    return asyncio.run(books.awaited().spend_now(OWNER, credits=credits, key=key, spender=spender))


def hold_and_capture(books: Books, credits: int, key: str, spender: str | None) -> object:
    with books.ledger.hold(OWNER, credits, key=key, spender=spender) as hold:
        hold.capture()
    return hold


Way = Callable[[Books, int, str, str | None], object]
WAYS: list[Way] = [spend_in_your_transaction, spend_in_a_batch, spend_awaited, hold_and_capture]
each_way = pytest.mark.parametrize("spend", WAYS, ids=lambda way: way.__name__)


@each_way
def test_a_spend_beyond_a_budget_is_refused_and_says_which_and_until_when(books: Books, spend: Way) -> None:
    books.grant(100)
    set_budget(books, 5, spender=KEY, every="month")
    set_budget(books, 50, every="day", zone="Europe/Berlin")
    spend(books, 3, "call:1", KEY)

    with pytest.raises(BudgetExceeded) as refused:
        spend(books, 3, "call:2", KEY)

    error = refused.value
    assert (error.http_status, error.code) == (402, "budget_exceeded")
    assert (error.spender, error.every, error.zone, error.credits) == (KEY, "month", "UTC", 5)
    assert (error.needed, error.left, error.resets_at) == (3, 2, datetime(2026, 2, 1, tzinfo=UTC))
    assert str(error) == (
        "the budget of 'key:17', 5 a month, has 2 left, and 3 are needed;"
        " it begins anew at 2026-02-01 00:00 UTC"
    )
    spend(books, 2, "call:3", KEY)
    assert spent(books) == [5, 5]
    assert books.ledger.balance(OWNER) == 95


@each_way
def test_the_whole_wallets_budget_counts_every_spender_and_none(books: Books, spend: Way) -> None:
    books.grant(100)
    set_budget(books, 5, spender=KEY)
    set_budget(books, 10)

    spend(books, 4, "call:1", KEY)
    spend(books, 4, "call:2", "key:18")
    with pytest.raises(BudgetExceeded) as refused:
        spend(books, 3, "call:3", None)

    assert (refused.value.spender, refused.value.every, refused.value.resets_at) == (None, None, None)
    assert spent(books) == [8, 4]


@each_way
def test_a_new_window_begins_with_nothing_spent(books: Books, spend: Way) -> None:
    books.grant(100)
    set_budget(books, 5, every="day")
    spend(books, 5, "call:1", None)
    books.time = datetime(2026, 1, 1, 23, 59, 59, tzinfo=UTC)
    with pytest.raises(BudgetExceeded):
        spend(books, 1, "call:2", None)

    books.wait(seconds=1)

    assert books.ledger.budgets(OWNER) == [
        BudgetSummary(None, "day", "UTC", 5, 0, datetime(2026, 1, 3, tzinfo=UTC))
    ]
    spend(books, 5, "call:2", None)
    assert spent(books) == [5]


@each_way
def test_a_repeat_is_counted_once_even_when_nothing_is_left(books: Books, spend: Way) -> None:
    books.grant(100)
    set_budget(books, 5)

    spend(books, 5, "call:1", None)
    spend(books, 5, "call:1", None)

    assert spent(books) == [5]


@each_way
def test_too_few_credits_count_in_no_budget(books: Books, spend: Way) -> None:
    books.grant(2)
    set_budget(books, 5)

    with pytest.raises(InsufficientCredits):
        spend(books, 3, "call:1", None)

    assert spent(books) == [0]


def test_what_rolls_back_is_not_counted(books: Books) -> None:
    books.grant(10)
    set_budget(books, 5)

    books.ledger.spend(OWNER, credits=4, key="call:1")
    books.session.rollback()

    assert spent(books) == [0]


def test_a_hold_counts_when_it_opens_and_gives_back_what_it_does_not_take(books: Books) -> None:
    books.grant(100)
    set_budget(books, 10, spender=KEY)

    with books.ledger.hold(OWNER, 7, key="job:1", spender=KEY) as hold:
        assert spent(books) == [7]
        with pytest.raises(BudgetExceeded):
            books.ledger.spend_now(OWNER, credits=4, key="call:1", spender=KEY)
        hold.capture(2)
    assert spent(books) == [2]

    with books.ledger.hold(OWNER, 8, key="job:2", spender=KEY):
        assert spent(books) == [10]
    assert spent(books) == [2]


def test_an_overdue_hold_gives_its_budget_back_to_the_spend_that_needs_it(books: Books) -> None:
    books.grant(100)
    set_budget(books, 10)
    books.ledger.hold(OWNER, 7, key="job:1")
    books.wait(hours=1)

    books.ledger.spend_now(OWNER, credits=8, key="call:1")

    assert spent(books) == [8]


def test_what_comes_back_goes_to_the_window_that_was_charged(books: Books) -> None:
    books.grant(100)
    set_budget(books, 10, every="day")
    books.ledger.spend_now(OWNER, credits=4, key="call:1")
    books.ledger.hold(OWNER, 5, key="job:1")
    books.ledger.hold(OWNER, 1, key="job:2").capture()
    books.unjoined.capture(OWNER, key="job:1", credits=4)
    books.reverse("call:1", "undo:1", 1)
    assert spent(books) == [8]
    books.ledger.hold(OWNER, 2, key="job:3")

    books.wait(days=1)
    books.ledger.spend_now(OWNER, credits=6, key="call:2")
    books.reverse("call:1", "undo:2", 2)
    books.reverse("hold:job:2", "undo:3")
    books.unjoined.release(OWNER, key="job:3")
    assert spent(books) == [6]

    books.reverse("call:2", "undo:4", 5)
    assert spent(books) == [1]


def test_a_budget_counts_what_its_window_was_charged_before_it_was_set(books: Books) -> None:
    books.grant(100)
    books.ledger.spend_now(OWNER, credits=9, key="call:0", spender=KEY)
    books.ledger.hold(OWNER, 7, key="job:0", spender=KEY)
    books.wait(days=1)
    books.ledger.spend_now(OWNER, credits=3, key="call:1", spender=KEY)
    books.ledger.spend_now(OWNER, credits=2, key="call:2", spender="key:18")
    books.ledger.hold(OWNER, 4, key="job:1", spender=KEY)
    books.reverse("call:1", "undo:1", 1)

    set_budget(books, 10, spender=KEY, every="day")
    set_budget(books, 10, spender=KEY, every="month")

    assert [(budget.every, budget.spent) for budget in books.ledger.budgets(OWNER)] == [
        ("day", 6),
        ("month", 15),  # without the hold whose time is over, as if it had been released
    ]
    books.ledger.write_due()
    assert spent(books) == [6, 15]


def test_one_that_is_lowered_below_what_is_spent_refuses_the_next_call(books: Books) -> None:
    books.grant(100)
    set_budget(books, 10)
    books.ledger.spend_now(OWNER, credits=8, key="call:1")

    set_budget(books, 5)

    assert books.ledger.budgets(OWNER)[0].left == 0
    with pytest.raises(BudgetExceeded) as refused:
        books.ledger.spend_now(OWNER, key="call:2")
    assert refused.value.left == 0

    set_budget(books, 9)
    books.ledger.spend_now(OWNER, key="call:2")
    with pytest.raises(BudgetExceeded):
        books.ledger.spend_now(OWNER, key="call:3")

    set_budget(books, None)
    assert books.ledger.budgets(OWNER) == []
    books.ledger.spend_now(OWNER, key="call:3")


def test_a_budget_of_nothing_stops_a_spender(books: Books) -> None:
    books.grant(100)
    set_budget(books, 0, spender=KEY)

    with pytest.raises(BudgetExceeded):
        books.ledger.spend_now(OWNER, key="call:1", spender=KEY)
    books.ledger.spend_now(OWNER, key="call:1", spender="key:18")


def test_one_that_is_set_in_a_transaction_that_rolls_back_bounds_nothing(books: Books) -> None:
    books.grant(100)
    books.ledger.set_budget(OWNER, 0)
    books.session.rollback()

    books.ledger.spend_now(OWNER, key="call:1")

    assert books.ledger.budgets(OWNER) == []


@pytest.mark.parametrize(
    ("every", "zone", "at", "resets_at"),
    [
        ("day", "UTC", "2026-03-29 00:30", "2026-03-30 00:00"),
        ("day", "Europe/Berlin", "2026-03-29 00:30", "2026-03-29 22:00"),  # a day of 23 hours
        ("day", "Europe/Berlin", "2026-10-25 00:30", "2026-10-25 23:00"),  # and one of 25
        ("day", "Asia/Kathmandu", "2026-03-29 18:14", "2026-03-29 18:15"),
        ("day", "Africa/Cairo", "2026-04-23 12:00", "2026-04-23 22:00"),  # the next one has no midnight
        ("day", "Africa/Cairo", "2026-04-24 12:00", "2026-04-24 21:00"),
        ("week", "Europe/Berlin", "2026-03-29 00:30", "2026-03-29 22:00"),
        ("week", "America/New_York", "2026-03-30 03:59", "2026-03-30 04:00"),
        ("month", "Europe/Berlin", "2026-10-01 00:00", "2026-10-31 23:00"),
        ("month", "Pacific/Auckland", "2026-12-31 10:59", "2026-12-31 11:00"),
    ],
)
def test_windows_are_those_of_the_zones_clocks(
    books: Books, every: str, zone: str, at: str, resets_at: str
) -> None:
    books.grant(100)
    books.time = datetime.fromisoformat(at).replace(tzinfo=UTC)
    end = datetime.fromisoformat(resets_at).replace(tzinfo=UTC)

    set_budget(books, 5, every=every, zone=zone)
    assert books.ledger.budgets(OWNER)[0].resets_at == end
    books.ledger.spend_now(OWNER, credits=5, key="call:1")

    books.time = end - timedelta(seconds=1)
    with pytest.raises(BudgetExceeded):
        books.ledger.spend_now(OWNER, key="call:2")
    books.time = end
    books.ledger.spend_now(OWNER, credits=5, key="call:2")


@pytest.mark.parametrize(
    ("field", "terms"),
    [
        ("credits of a budget", {"credits": -1}),
        ("credits of a budget", {"credits": 1.5}),
        ("credits of a budget", {"credits": True}),
        ("every", {"every": "year"}),
        ("zone", {"zone": "Berlin"}),
        ("zone", {"zone": "../etc/passwd"}),
        ("zone", {"zone": ""}),
        ("zone", {"zone": None}),
        ("spender", {"spender": ""}),
        ("spender", {"spender": "x" * 65}),
        ("an owner", {"owner": ""}),
    ],
)
def test_what_no_budget_can_have_is_refused_by_its_name(
    books: Books, field: str, terms: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=f"^{field} (is|are) "):
        books.ledger.set_budget(**{"owner": OWNER, "credits": 5, **terms})
    assert books.ledger.budgets(OWNER) == []


def test_a_clock_that_is_behind_counts_in_the_window_that_has_begun(books: Books, other_books: Books) -> None:
    books.grant(100)
    books.time = datetime(2026, 2, 1, tzinfo=UTC)
    set_budget(books, 10, every="month")
    other_books.time = datetime(2026, 1, 31, 23, 59, tzinfo=UTC)

    other_books.ledger.spend_now(OWNER, credits=4, key="call:1")

    assert spent(other_books) == [4]
    assert other_books.ledger.entries(OWNER)[0].at == datetime(2026, 2, 1, tzinfo=UTC)


def test_lots_that_have_ended_end_before_a_budget_is_set(books: Books) -> None:
    books.grant(10, expires_at=books.later(hours=1))
    ended_at = books.later(hours=1)
    books.wait(hours=2)

    set_budget(books, 5)

    assert books.ledger.balance_at(OWNER, ended_at) == 0
    assert books.ledger.entries(OWNER)[0].at == ended_at


def test_40_threads_spend_no_more_than_the_budget(books: Books) -> None:
    books.grant(1000)
    set_budget(books, 10, spender=KEY)
    calls = [
        partial(WAYS[number % 2], books, 1, f"call:{number}", KEY if number < 40 else None)
        for number in range(45)
    ]

    results = books.all_at_once(calls)

    assert sum(isinstance(result, BudgetExceeded) for result in results) == 30
    assert spent(books) == [10]
    assert books.ledger.balance(OWNER) == 985


def test_a_batch_refuses_one_spender_and_serves_the_others_in_it(books: Books) -> None:
    books.grant(100)
    set_budget(books, 2, spender=KEY)
    spenders = [KEY, "key:18", KEY, KEY, None, KEY, "key:18"]

    results = books.ledger.spend_many(
        SpendRequest(OWNER, 1, f"call:{number}", spender=spender) for number, spender in enumerate(spenders)
    )

    assert [isinstance(result, Spent) for result in results] == [True, True, True, False, True, False, True]
    assert spent(books) == [2]


def test_a_large_spend_beyond_the_budget_keeps_no_small_one_out(books: Books) -> None:
    books.grant(100)
    set_budget(books, 5)

    large, small = books.ledger.spend_many(
        [SpendRequest(OWNER, 6, "call:1"), SpendRequest(OWNER, 5, "call:2")]
    )

    assert isinstance(large, BudgetExceeded)
    assert isinstance(small, Spent)


@pytest.mark.parametrize("meanwhile", ["a budget is set", "one is lowered", "another spends"])
def test_a_batch_goes_by_what_was_committed_while_it_waited_for_the_wallet(
    databases: Databases, meanwhile: str
) -> None:
    """It began to read the tables before that, and must not go by what they held then."""
    books = Books(databases.fresh("postgresql"))
    books.grant(100)
    set_budget(books, 50, spender=KEY)
    books.ledger.spend_now(OWNER, key="call:first", spender=KEY)  # from now on batches ask for budgets
    if meanwhile == "another spends":
        set_budget(books, 14)
    other = Session(books.engine)
    theirs = books.unjoined.on(other)
    if meanwhile == "a budget is set":
        theirs.set_budget(OWNER, 4)
    elif meanwhile == "one is lowered":
        theirs.set_budget(OWNER, 4, spender=KEY)
    else:
        theirs.spend(OWNER, credits=10, key="call:theirs")
    here = "datname = current_database() AND wait_event_type = 'Lock'"
    waiting = text(f"SELECT count(*) FROM pg_stat_activity WHERE {here}")

    def commit_once_they_wait() -> int:
        with books.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            while not connection.scalar(waiting):
                pass
        other.commit()
        return 0

    calls: list[Callable[[], object]] = [commit_once_they_wait]
    calls += [partial(books.ledger.spend_now, OWNER, key=f"call:{n}", spender=KEY) for n in range(8)]
    results = books.all_at_once(calls)

    assert sum(isinstance(result, BudgetExceeded) for result in results) == 5
    other.close()
    books.close()


def test_spends_with_budgets_are_one_statement_in_a_batch(databases: Databases) -> None:
    books = Books(databases.fresh("postgresql"))
    books.grant(100)
    set_budget(books, 50, spender=KEY, every="month")
    set_budget(books, 60, every="day")
    books.ledger.spend_now(OWNER, key="call:0", spender=KEY)
    statements: list[str] = []

    def note(connection: object, cursor: object, statement: str, *more: object) -> None:
        statements.append(statement)

    event.listen(books.engine, "before_cursor_execute", note)
    books.ledger.spend_many(SpendRequest(OWNER, 1, f"call:{n}", spender=KEY) for n in range(1, 41))

    assert len(statements) == 1
    assert spent(books) == [41, 41]
    books.close()


def test_many_spends_with_budgets_not_heard_of_yet_are_two_statements(databases: Databases) -> None:
    books = Books(databases.fresh("postgresql"))
    owners = [f"user:{number}" for number in range(20)]
    for owner in owners:
        books.grant(2, owner=owner)
        books.ledger.set_budget(owner, 1, spender=KEY, every="month")
    books.commit()
    statements: list[str] = []

    def note(connection: object, cursor: object, statement: str, *more: object) -> None:
        statements.append(statement)

    event.listen(books.engine, "before_cursor_execute", note)
    spents = books.ledger.spend_many(SpendRequest(owner, 1, "call:1", spender=KEY) for owner in owners)

    assert all(isinstance(spent, Spent) for spent in spents)
    assert len([statement for statement in statements if "prepaid_wallet" in statement]) == 2
    books.close()
