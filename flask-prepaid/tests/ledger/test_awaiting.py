"""Spends that are awaited in an event loop: the same ledger, fewer statements, and nobody is held up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable

import psycopg
import pytest
from sqlalchemy import event, text

from flask_prepaid.testing import Databases
from prepaid_ledger.errors import Busy, InsufficientCredits
from prepaid_ledger.spends.asynchronous import AwaitedSpends
from prepaid_ledger.spends.single import Spent

from .books import OWNER, Books


def all_told(calls: Iterable[Awaitable[Spent]]) -> list[Spent | BaseException]:
    async def gather() -> list[Spent | BaseException]:
        return await asyncio.gather(*calls, return_exceptions=True)

    return asyncio.run(gather())


def reports(spends: AwaitedSpends, numbers: Iterable[int], owner: str = OWNER) -> list[Awaitable[Spent]]:
    return [spends.spend(owner, key=f"report:{number}") for number in numbers]


def transactions_of_spends(books: Books) -> list[object]:
    """The transactions that PostgreSQL knows the spends by."""
    spends = text("SELECT DISTINCT CAST(xmin AS text) FROM prepaid_entry WHERE kind = 'spend'")
    return list(books.db.session.scalars(spends))


def test_what_waits_at_the_same_time_shares_statements_and_each_is_told_its_own(books: Books) -> None:
    books.grant(40)
    commits: list[object] = []
    event.listen(books.db.engine, "commit", commits.append)
    told = all_told(reports(books.prepaid.awaited_spends(), range(40)))

    assert [spent.seq for spent in told if isinstance(spent, Spent)] == list(range(2, 42))
    assert [spent.balance for spent in told if isinstance(spent, Spent)] == list(range(39, -1, -1))
    if books.db.engine.dialect.name == "postgresql":
        commits = transactions_of_spends(books)
    assert 1 <= len(commits) < 10
    assert books.prepaid.audit() == []


def test_who_is_short_is_told_so_and_the_others_are_served(books: Books) -> None:
    books.grant(20)

    told = all_told(reports(books.prepaid.awaited_spends(), range(30)))

    assert sum(isinstance(spent, Spent) for spent in told) == 20
    assert sum(isinstance(refusal, InsufficientCredits) for refusal in told) == 10
    assert books.prepaid.balance(OWNER) == 0
    assert books.prepaid.audit() == []


def test_the_same_key_at_the_same_time_spends_once(books: Books) -> None:
    books.grant(20)

    told = all_told(reports(books.prepaid.awaited_spends(), [7] * 5))

    assert {spent.seq for spent in told if isinstance(spent, Spent)} == {2}
    assert books.prepaid.balance(OWNER) == 19
    assert books.prepaid.audit() == []


def test_who_does_not_wait_any_more_keeps_nobody_waiting(books: Books) -> None:
    books.grant(20)

    async def some_go_away() -> list[Spent | BaseException]:
        calls = [asyncio.ensure_future(call) for call in reports(books.prepaid.awaited_spends(), range(10))]
        await asyncio.sleep(0)
        for call in calls[::2]:
            call.cancel()
        return await asyncio.gather(*calls, return_exceptions=True)

    told = asyncio.run(some_go_away())

    assert [isinstance(spent, Spent) for spent in told] == [False, True] * 5
    assert books.prepaid.balance(OWNER) <= 15  # who went away may have been served
    assert books.prepaid.audit() == []


def test_a_wallet_that_somebody_holds_keeps_only_its_own_callers_waiting(databases: Databases) -> None:
    books = Books(databases.fresh("postgresql"))
    books.grant(20)
    books.grant(20, owner="user:2")
    sitting = books.db.engine.connect()
    sitting.execute(text("SELECT FROM prepaid_wallet WHERE owner = 'user:1' FOR UPDATE"))

    async def others_first() -> list[Spent]:
        spends = books.prepaid.awaited_spends()
        held = [asyncio.ensure_future(call) for call in reports(spends, range(10))]
        free = await asyncio.gather(*reports(spends, range(10), "user:2"))
        assert not any(call.done() for call in held)
        sitting.close()
        return [*free, *await asyncio.gather(*held)]

    assert len(asyncio.run(others_first())) == 20
    assert books.prepaid.balance("user:1") == books.prepaid.balance("user:2") == 10
    assert books.prepaid.audit() == []
    books.close()


@pytest.mark.parametrize("prepare_threshold", [0, 5, None])
def test_a_connection_of_the_hosts_making_is_awaited_as_it_was_set_up(
    databases: Databases, prepare_threshold: int | None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "prepaid_ledger")
    books = Books(databases.fresh("postgresql"))

    def connect(dialect: object, record: object, args: object, options: dict[str, object]) -> None:
        options["prepare_threshold"] = prepare_threshold

    def set_up(connection: psycopg.Connection, record: object) -> None:
        connection.execute("SET application_name TO 'the host'")
        connection.execute("SELECT 1, 2, 3")
        connection.commit()

    event.listen(books.db.engine, "do_connect", connect)
    event.listen(books.db.engine, "connect", set_up)
    books.grant(40)
    books.db.engine.dispose()

    told = all_told(reports(books.prepaid.awaited_spends(), range(40)))

    names = text("SELECT DISTINCT application_name FROM pg_stat_activity WHERE datname = current_database()")
    assert list(books.db.session.scalars(names)) == ["the host"]
    assert all(isinstance(spent, Spent) for spent in told)
    assert len(transactions_of_spends(books)) < 10
    assert "failed" not in caplog.text
    assert books.prepaid.audit() == []
    books.close()


def test_the_connection_that_is_kept_is_made_anew_when_the_server_has_cut_it(databases: Databases) -> None:
    books = Books(databases.fresh("postgresql"))
    books.grant(20)
    spends = books.prepaid.awaited_spends()
    assert all(isinstance(spent, Spent) for spent in all_told(reports(spends, range(5))))

    with books.db.engine.connect() as connection:
        others = "datname = current_database() AND pid <> pg_backend_pid()"
        connection.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"))
    told = all_told(reports(books.prepaid.awaited_spends(), range(5, 15)))

    assert all(isinstance(spent, Spent | Busy) for spent in told)
    again = all_told(reports(books.prepaid.awaited_spends(), range(5, 15)))
    assert all(isinstance(spent, Spent) for spent in again)
    assert books.prepaid.balance(OWNER) == 5
    assert books.prepaid.audit() == []
    books.close()
