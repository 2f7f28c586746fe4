"""Spends that are awaited in an event loop: the same ledger, fewer statements, and nobody is held up."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Awaitable, Iterable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from sqlalchemy import Column, MetaData, String, Table, event, insert, select, text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session

from prepaid_ledger import Ledger, LedgerVerbs, SpendRequest, Spent, UnfitDatabase
from prepaid_ledger.aio import AsyncLedger
from prepaid_ledger.errors import Busy, InsufficientCredits, PrepaidError
from prepaid_ledger.spends.batches.host_insert import NO_ROWS
from prepaid_ledger.spends.group_commit import busy_wallets
from prepaid_ledger.testing import Databases

from .books import OWNER, Books

pytestmark = pytest.mark.each_database


def answers_to(calls: Iterable[Awaitable[Spent]]) -> list[Spent | BaseException]:
    async def gather() -> list[Spent | BaseException]:
        return await asyncio.gather(*calls, return_exceptions=True)

    return asyncio.run(gather())


def reports(ledger: AsyncLedger, numbers: Iterable[int], owner: str = OWNER) -> list[Awaitable[Spent]]:
    return [ledger.spend_now(owner, key=f"report:{number}") for number in numbers]


def transactions_of_spends(books: Books) -> list[object]:
    """The transactions that PostgreSQL knows the spends by."""
    spends = text("SELECT DISTINCT CAST(xmin AS text) FROM prepaid_entry WHERE kind = 'spend'")
    return list(books.session.scalars(spends))


def threads_alone() -> set[threading.Thread]:
    """The threads of spends that go alone; those of earlier tests stay."""
    return {thread for thread in threading.enumerate() if "spends alone" in thread.name}


def test_what_waits_at_the_same_time_shares_statements_and_each_gets_its_own_answer(books: Books) -> None:
    books.grant(40)
    commits: list[object] = []
    event.listen(books.engine, "commit", commits.append)
    answers = answers_to(reports(books.awaited(), range(40)))

    assert [spent.seq for spent in answers if isinstance(spent, Spent)] == list(range(2, 42))
    assert [spent.balance for spent in answers if isinstance(spent, Spent)] == list(range(39, -1, -1))
    if books.engine.dialect.name == "postgresql":
        commits = transactions_of_spends(books)
    assert 1 <= len(commits) < 10
    assert books.ledger.audit() == []


def test_an_owner_with_too_few_credits_is_refused_and_the_others_are_served(books: Books) -> None:
    books.grant(20)

    answers = answers_to(reports(books.awaited(), range(30)))

    assert sum(isinstance(spent, Spent) for spent in answers) == 20
    assert sum(isinstance(refusal, InsufficientCredits) for refusal in answers) == 10
    assert books.ledger.balance(OWNER) == 0
    assert books.ledger.audit() == []


def test_the_same_key_at_the_same_time_spends_once(books: Books) -> None:
    books.grant(20)

    answers = answers_to(reports(books.awaited(), [7] * 5))

    assert {spent.seq for spent in answers if isinstance(spent, Spent)} == {2}
    assert books.ledger.balance(OWNER) == 19
    assert books.ledger.audit() == []


def test_a_caller_who_goes_away_keeps_nobody_waiting(books: Books) -> None:
    books.grant(20)

    async def some_go_away() -> list[Spent | BaseException]:
        calls = [asyncio.ensure_future(call) for call in reports(books.awaited(), range(10))]
        await asyncio.sleep(0)
        for call in calls[::2]:
            call.cancel()
        return await asyncio.gather(*calls, return_exceptions=True)

    answers = asyncio.run(some_go_away())

    assert [isinstance(spent, Spent) for spent in answers] == [False, True] * 5
    assert books.ledger.balance(OWNER) <= 15  # a caller who went away may have been served
    assert books.ledger.audit() == []


def test_a_wallet_that_somebody_holds_keeps_only_its_own_callers_waiting(databases: Databases) -> None:
    books = Books(databases.fresh("postgresql"))
    books.grant(20)
    books.grant(20, owner="user:2")
    sitting = books.engine.connect()
    sitting.execute(text("SELECT FROM prepaid_wallet WHERE owner = 'user:1' FOR UPDATE"))

    async def others_first() -> list[Spent]:
        ledger = books.awaited()
        held = [asyncio.ensure_future(call) for call in reports(ledger, range(10))]
        free = await asyncio.gather(*reports(ledger, range(10), "user:2"))
        assert not any(call.done() for call in held)
        sitting.close()
        return [*free, *await asyncio.gather(*held)]

    assert len(asyncio.run(others_first())) == 20
    assert books.ledger.balance("user:1") == books.ledger.balance("user:2") == 10
    assert books.ledger.audit() == []
    books.close()


def test_a_wallet_that_was_held_for_a_moment_goes_with_the_next_batch(databases: Databases) -> None:
    books = Books(databases.fresh("postgresql"))
    books.grant(20)
    books.grant(20, owner="user:2")
    sitting = books.engine.connect()
    sitting.execute(text("SELECT FROM prepaid_wallet WHERE owner = 'user:1' FOR UPDATE"))
    batches: list[int] = []

    class LetsGo:
        def batch(self, spends: int, seconds: float) -> None:
            batches.append(spends)
            sitting.close()

        def refused(self, error: PrepaidError) -> None:
            raise error

    books.unjoined.setup.spends.watch(LetsGo())
    connections: list[object] = []
    event.listen(books.engine, "checkout", lambda *connection: connections.append(connection))
    ledger = books.awaited()

    answers = answers_to([*reports(ledger, range(5)), *reports(ledger, range(5), "user:2")])

    assert all(isinstance(spent, Spent) for spent in answers)
    assert batches == [5, 5]
    assert len(connections) == 2, "one looks for partitions, one is kept for batches, none for who goes alone"
    assert books.ledger.audit() == []
    books.close()


def test_all_who_want_one_busy_wallet_wait_for_it_together_and_no_thread_does(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(busy_wallets, "PATIENCE_S", 60)
    before = threads_alone()
    books = Books(databases.fresh("postgresql"))
    books.grant(40)
    sitting = books.engine.connect()
    sitting.execute(text("SELECT FROM prepaid_wallet WHERE owner = 'user:1' FOR UPDATE"))

    async def those_who_come_later_too() -> list[Spent]:
        ledger = books.awaited()
        first = [asyncio.ensure_future(call) for call in reports(ledger, range(20))]
        async with asyncio.timeout(60):
            while not ledger.spends.busy.has(OWNER):
                await asyncio.sleep(0.001)
        later = [asyncio.ensure_future(call) for call in reports(ledger, range(20, 40))]
        await asyncio.sleep(0)  # they stand in the same line now
        sitting.close()
        return await asyncio.gather(*first, *later)

    spents = asyncio.run(those_who_come_later_too())

    assert sorted(spent.balance for spent in spents) == list(range(40))
    assert len(transactions_of_spends(books)) <= 3
    assert threads_alone() <= before
    assert books.ledger.audit() == []
    books.close()


def test_a_wallet_that_is_held_for_long_keeps_no_other_line_and_no_thread_waiting(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(busy_wallets, "PATIENCE_S", 0.01)
    monkeypatch.setattr(busy_wallets, "LEAST_PATIENCE_S", 0.01)
    before = threads_alone()
    books = Books(databases.fresh("postgresql"))
    for owner in ("user:1", "user:2"):
        books.grant(5, owner=owner)
    sitting = {owner: books.engine.connect() for owner in ("user:1", "user:2")}
    for owner, connection in sitting.items():
        connection.execute(text(f"SELECT FROM prepaid_wallet WHERE owner = '{owner}' FOR UPDATE"))

    async def the_second_first() -> list[Spent]:
        ledger = books.awaited()
        held = [asyncio.ensure_future(call) for call in reports(ledger, range(5))]
        waits = [asyncio.ensure_future(call) for call in reports(ledger, range(5), "user:2")]
        sitting["user:2"].close()
        free = await asyncio.gather(*waits)
        assert not any(call.done() for call in held)
        sitting["user:1"].close()
        return [*free, *await asyncio.gather(*held)]

    assert len(asyncio.run(the_second_first())) == 10
    assert threads_alone() <= before
    assert books.ledger.audit() == []
    books.close()


def test_who_waits_for_one_busy_wallet_brings_a_row_of_its_own_to_whichever_table(
    databases: Databases,
) -> None:
    books = Books(databases.fresh("postgresql"))
    books.grant(40)
    tables = [Table(name, MetaData(), Column("key", String(20))) for name in ("number", "letter")]
    inserts = [insert(table) for table in tables]
    for table in tables:
        table.create(books.engine)

    def buy(ledger: AsyncLedger, number: int) -> Awaitable[Spent]:
        key = f"report:{number}"
        if number % 3 == 2:
            return ledger.spend_now(OWNER, key=key)
        return ledger.spend_now(OWNER, key=key, work=inserts[number % 3], values={"key": key})

    async def buy_both() -> list[Spent]:
        ledger = books.awaited()
        ledger.spends.busy.note_busy(OWNER)
        return await asyncio.gather(*(buy(ledger, number) for number in range(30)))

    spents = asyncio.run(buy_both())

    assert sorted(spent.balance for spent in spents) == list(range(10, 40))
    for remainder, table in enumerate(tables):
        keys = set(books.session.scalars(select(table.c.key)))
        assert keys == {f"report:{number}" for number in range(30) if number % 3 == remainder}
    assert len(transactions_of_spends(books)) == 3, "one for each kind of row"
    assert books.ledger.audit() == []
    books.close()


@pytest.mark.parametrize(("wallets", "lines_of_later"), [(1, 1), (10, 2)])
def test_who_calls_again_with_many_busy_wallets_goes_with_everybodys_batch(
    databases: Databases, monkeypatch: pytest.MonkeyPatch, wallets: int, lines_of_later: int
) -> None:
    monkeypatch.setattr(busy_wallets, "BUSY_FOR_S", 60)
    books = Books(databases.fresh("postgresql"))
    owners = [f"user:{number}" for number in range(wallets)]
    for owner in owners:
        books.grant(20, owner=owner)
    sitting = books.engine.connect()
    sitting.execute(text("SELECT FROM prepaid_wallet FOR UPDATE"))

    async def all_wait() -> int:
        ledger = books.awaited()
        calls = [asyncio.ensure_future(ledger.spend_now(owner, key="report:1")) for owner in owners]
        async with asyncio.timeout(60):
            while not all(ledger.spends.busy.has(owner) for owner in owners):
                await asyncio.sleep(0.001)
        sitting.close()
        await asyncio.gather(*calls)
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})
        return sum(ledger.spends.busy.has(owner) for owner in owners)

    assert 1 <= asyncio.run(all_wait()) <= lines_of_later
    books.close()


@pytest.mark.parametrize("is_busy", [False, True])
def test_a_loop_that_ends_before_its_first_batch_began_stops_no_loop_after_it(
    databases: Databases, is_busy: bool
) -> None:
    books = Books(databases.fresh("postgresql"))
    books.grant(20)
    ledger = books.awaited()
    left_behind: list[asyncio.Future[Spent]] = []
    if is_busy:
        ledger.spends.busy.note_busy(OWNER)

    async def come_and_go() -> None:
        left_behind.extend(asyncio.ensure_future(call) for call in reports(ledger, range(5)))

    async def stay() -> list[Spent]:
        async with asyncio.timeout(60):
            return await asyncio.gather(*reports(ledger, range(5, 10)))

    asyncio.run(come_and_go())
    assert all(call.cancelled() for call in left_behind)
    spents = asyncio.run(stay())

    assert [spent.balance for spent in spents] == [19, 18, 17, 16, 15]
    assert books.ledger.audit() == []
    books.close()


def test_a_batch_that_fails_by_our_mistake_answers_all_who_wait_for_a_busy_wallet(
    databases: Databases,
) -> None:
    books = Books(databases.fresh("postgresql"))
    books.grant(20)

    class Fails:
        def batch(self, spends: int, seconds: float) -> None:
            raise ZeroDivisionError

        def refused(self, error: PrepaidError) -> None:
            raise error

    async def all_who_wait() -> list[Spent | BaseException]:
        ledger = books.awaited()
        ledger.spends.busy.note_busy(OWNER)
        async with asyncio.timeout(60):
            return await asyncio.gather(*reports(ledger, range(5)), return_exceptions=True)

    books.unjoined.setup.spends.watch(Fails())
    answers = asyncio.run(all_who_wait())

    assert [type(answer) for answer in answers] == [ZeroDivisionError] * 5
    books.close()


def test_budgets_that_a_process_has_not_heard_of_cost_one_batch_more(books: Books) -> None:
    owners = [f"user:{number}" for number in range(20)]
    for owner in owners:
        books.grant(5, owner=owner)
        books.ledger.set_budget(owner, 1, spender="key:1", every="month")
    books.session.commit()

    ledger = books.awaited()
    calls = [ledger.spend_now(owner, key="report:1", spender="key:1") for owner in owners]
    answers = answers_to(calls)

    assert [spent.balance for spent in answers if isinstance(spent, Spent)] == [4] * 20
    if books.engine.dialect.name == "postgresql":
        assert len(transactions_of_spends(books)) <= 3
    assert books.ledger.audit() == []


def test_where_there_is_no_wallet_no_other_batch_is_tried(databases: Databases) -> None:
    books = Books(databases.fresh("postgresql"))
    books.grant(20)
    connection = books.unjoined.setup.spends.loop_connection()
    assert connection is not None
    requests = [SpendRequest(owner, 1, "report:1") for owner in (OWNER, "nobody")]

    outcomes = asyncio.run(connection.post(requests, NO_ROWS))

    assert [(outcome.reached, outcome.spent is not None) for outcome in outcomes] == [
        (True, True),
        (True, False),
    ]
    assert books.ledger.audit() == []
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

    event.listen(books.engine, "do_connect", connect)
    event.listen(books.engine, "connect", set_up)
    books.grant(40)
    books.engine.dispose()

    answers = answers_to(reports(books.awaited(), range(40)))

    names = text("SELECT DISTINCT application_name FROM pg_stat_activity WHERE datname = current_database()")
    assert list(books.session.scalars(names)) == ["the host"]
    assert all(isinstance(spent, Spent) for spent in answers)
    assert len(transactions_of_spends(books)) < 10
    assert "failed" not in caplog.text
    assert books.ledger.audit() == []
    books.close()


def test_the_connection_that_is_kept_is_made_anew_when_the_server_has_cut_it(databases: Databases) -> None:
    books = Books(databases.fresh("postgresql"))
    books.grant(20)
    ledger = books.awaited()
    assert all(isinstance(spent, Spent) for spent in answers_to(reports(ledger, range(5))))

    with books.engine.connect() as connection:
        others = "datname = current_database() AND pid <> pg_backend_pid()"
        connection.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"))
    answers = answers_to(reports(books.awaited(), range(5, 15)))

    assert all(isinstance(spent, Spent | Busy) for spent in answers)
    again = answers_to(reports(books.awaited(), range(5, 15)))
    assert all(isinstance(spent, Spent) for spent in again)
    assert books.ledger.balance(OWNER) == 5
    assert books.ledger.audit() == []
    books.close()


def test_an_awaited_engine_is_refused_and_its_sessions_can_be_joined(databases: Databases) -> None:
    url = databases.fresh("postgresql")
    books, engine = Books(url), create_async_engine(url)
    books.grant(10)

    def spend(session: Session, credits: int) -> None:
        books.unjoined.on(session).spend(OWNER, credits=credits, key=f"report:{credits}")

    async def spend_together(*credits: int) -> None:
        async with AsyncSession(engine) as session, session.begin():
            for each in credits:
                await session.run_sync(spend, each)

    async def join() -> None:
        await spend_together(1, 2)
        with pytest.raises(InsufficientCredits):
            await spend_together(4, 8)
        await engine.dispose()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, join()).result()
    assert books.ledger.balance(OWNER) == 7
    for awaited in (engine, engine.sync_engine):
        with pytest.raises(UnfitDatabase, match=r"takes an engine of create_engine\(\)"):
            Ledger(awaited)  # type: ignore[arg-type]
    with pytest.raises(UnfitDatabase, match=r"not its address: write Ledger\(create_engine"):
        Ledger("sqlite:///credits.sqlite3")  # type: ignore[arg-type]
    with pytest.raises(UnfitDatabase, match=r"not a session\. .*: Ledger\(engine\)\.on\(session\)"):
        Ledger(Session())  # type: ignore[arg-type]
    for other in (engine, books.ledger):
        with pytest.raises(TypeError, match="takes a ledger on an engine"):
            AsyncLedger(other)  # type: ignore[arg-type]
    books.close()


def test_every_verb_is_awaited_with_the_same_parameters() -> None:
    verbs = dict(inspect.getmembers(LedgerVerbs, inspect.isfunction))
    verbs = {name: verb for name, verb in verbs.items() if not name.startswith("_")}

    assert {name for name in vars(AsyncLedger) if not name.startswith("_")} == set(verbs)
    for name, verb in verbs.items():
        awaited = getattr(AsyncLedger, name)
        assert inspect.iscoroutinefunction(awaited) or name in ("grant_many", "meter")
        assert inspect.signature(awaited).parameters == inspect.signature(verb).parameters, name


def test_all_verbs_work_from_an_event_loop(books: Books) -> None:
    async def do_this_and_that() -> None:
        ledger = books.awaited()
        await ledger.purchase(OWNER, 10, key="sale:1", amount_minor=1000, currency="usd")
        assert [done async for done in ledger.grant_many([OWNER, "user:2"], 5, key="gift", reason="a gift")]
        await ledger.spend(OWNER, credits=2, key="report:1")
        await ledger.reverse(OWNER, spend_key="report:1", key="undo:1")
        async with await ledger.hold(OWNER, 7, key="job:1") as hold:
            await hold.capture(4)
        with pytest.raises(ZeroDivisionError):
            async with await ledger.hold(OWNER, 7, key="job:2"):
                _ = 1 / 0
        assert (await ledger.wallet(OWNER)).available == 11
        statement = await ledger.statement(OWNER, books.time, books.later(days=1))
        assert [entry.credits for entry in statement.entries] == [10, 5, -2, 2, -4]
        assert await ledger.audit() == []

    asyncio.run(do_this_and_that())


def test_whoever_awaits_it_in_a_second_event_loop_is_told_and_waits_for_nobody(books: Books) -> None:
    books.grant(5)
    books.commit()
    ledger = books.awaited()

    async def in_two_loops() -> Spent:
        await ledger.spend_now(OWNER, key="first")
        with pytest.raises(RuntimeError, match="Make one for each loop, and keep it"):
            await asyncio.to_thread(asyncio.run, ledger.spend_now(OWNER, key="elsewhere"))
        return await ledger.spend_now(OWNER, key="second")

    assert asyncio.run(in_two_loops()).balance == 3
