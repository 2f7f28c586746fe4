"""Meters: however a stream ends, what was delivered is charged, to within a step.

Event loops run in threads of their own: Playwright may have one in the main thread.
"""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, aclosing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, create_engine, event, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from prepaid_ledger import Kind, Ledger, Rates
from prepaid_ledger.clock import wall
from prepaid_ledger.errors import BudgetExceeded, Busy, HoldClosed, InsufficientCredits, KeyReused
from prepaid_ledger.held import meters
from prepaid_ledger.held.meters import Meter
from prepaid_ledger.tables import Entry, Hold, HoldState
from prepaid_ledger.testing import maintain, postgresql

from .books import OWNER, Books

STEP = 20

#: Delivers so many parts by a meter of the key, and appends each to the list.
Deliver = Callable[[str, int, list[int]], None]


def in_a_loop(work: Coroutine[Any, Any, Any]) -> None:
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, work).result()


def by_generator(books: Books) -> Deliver:
    def parts(key: str, count: int) -> Generator[int]:
        with books.unjoined.meter(OWNER, key=key, step=STEP) as meter:
            for number in range(count):
                if key == "breaks" and number == 61:
                    raise ZeroDivisionError
                meter.count()
                yield number

    def deliver(key: str, count: int, delivered: list[int]) -> None:
        for number in (stream := parts(key, count)):
            delivered.append(number)
            if key == "left" and number == 72:
                stream.close()

    return deliver


def by_event_loop(books: Books) -> Deliver:
    async def parts(key: str, count: int) -> AsyncGenerator[int]:
        async with books.awaited().meter(OWNER, key=key, step=STEP) as meter:
            for number in range(count):
                if key == "breaks" and number == 61:
                    raise ZeroDivisionError
                await meter.count()
                yield number

    async def read(key: str, count: int, delivered: list[int]) -> None:
        async with aclosing(parts(key, count)) as stream:
            async for number in stream:
                delivered.append(number)
                if key == "left" and number == 72:
                    asyncio.current_task().cancel()  # type: ignore[union-attr]
                    await asyncio.sleep(60)

    def deliver(key: str, count: int, delivered: list[int]) -> None:
        try:
            in_a_loop(read(key, count, delivered))
        except asyncio.CancelledError:
            assert key == "left"

    return deliver


@pytest.fixture(params=[by_generator, by_event_loop], ids=["sync", "async"])
def deliver(request: pytest.FixtureRequest, books: Books) -> Deliver:
    make: Callable[[Books], Deliver] = request.param
    return make(books)


def captured(books: Books) -> dict[str, int]:
    """What each meter has charged, by its key. No hold is open."""
    with Session(books.engine) as session:
        assert session.scalars(select(Hold).where(Hold.state == HoldState.OPEN)).all() == []
        spends = session.scalars(select(Entry).where(Entry.kind == Kind.SPEND))
        return {entry.key.removeprefix("hold:"): -entry.credits for entry in spends}


def test_what_was_delivered_is_charged_however_it_ends(books: Books, deliver: Deliver) -> None:
    books.grant(1_000)
    parts: dict[str, list[int]] = {key: [] for key in ("finished", "left", "breaks", "runs out")}

    deliver("finished", 100, parts["finished"])
    deliver("left", 100, parts["left"])
    with pytest.raises(ZeroDivisionError):
        deliver("breaks", 100, parts["breaks"])
    books.spend(books.ledger.available(OWNER) - 50, "all but fifty")
    with pytest.raises(InsufficientCredits, match="1 credit is needed, 0 are available"):
        deliver("runs out", 100, parts["runs out"])

    delivered = {key: len(numbers) for key, numbers in parts.items()}
    assert delivered == {"finished": 100, "left": 73, "breaks": 61, "runs out": 50}
    charged = captured(books)
    assert {key: charged[key] for key in delivered} == delivered
    assert books.ledger.balance(OWNER) == 0
    with pytest.raises(HoldClosed, match="'finished' has ended, and 100 credits were captured"):
        deliver("finished", 1, [])


def test_a_worker_that_is_killed_has_charged_what_it_delivered_to_within_a_step(database: URL) -> None:
    engine = create_engine(database)
    Ledger(engine).grant(OWNER, 10**6, key="gift", reason="a gift")
    address = database.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "tests.ledger.meter_worker", address]
    delivered: Counter[str] = Counter()

    with subprocess.Popen(
        command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True
    ) as worker:
        assert worker.stdout is not None
        for line in worker.stdout:  # up to its end: the pipe holds what was delivered before the kill
            delivered[line.strip()] += 1
            if min(delivered["sync"], delivered["async"]) == 170:
                worker.kill()

    ledger = Ledger(engine, clock=lambda: wall() + timedelta(hours=2))
    before = ledger.available(OWNER)
    ledger.write_due()
    with Session(engine) as session:
        charged = {entry.key: -entry.credits for entry in session.scalars(select(Entry)) if entry.credits < 0}
        assert session.scalars(select(Hold).where(Hold.state == HoldState.OPEN)).all() == []
    assert set(charged) == {"hold:sync", "hold:async"}
    for how in ("sync", "async"):
        assert delivered[how] - 50 <= charged[f"hold:{how}"] <= delivered[how] + 1
    assert ledger.available(OWNER) == before == 10**6 - sum(charged.values())
    assert ledger.audit() == []
    engine.dispose()


@contextmanager
def away(books: Books) -> Iterator[Callable[[], None]]:
    """A database that nobody reaches, until the yielded function is called."""
    url = books.engine.url
    if url.drivername == "sqlite":
        event.listen(
            books.engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout = 20")
        )
        books.engine.dispose()
        blocker = sqlite3.connect(str(url.database), isolation_level=None, check_same_thread=False)
        blocker.execute("BEGIN EXCLUSIVE")
        back = blocker.rollback
    else:
        here = f'ALTER DATABASE "{url.database}" ALLOW_CONNECTIONS'
        cut = f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{url.database}'"
        maintain(postgresql(), f"{here} false", cut)

        def back() -> None:
            maintain(postgresql(), f"{here} true")

    try:
        yield back
    finally:
        back()
        if url.drivername == "sqlite":
            blocker.close()


def test_a_database_that_is_away_for_a_while_is_waited_for(books: Books, deliver: Deliver) -> None:
    books.grant(1_000)
    books.session.close()
    delivered: list[int] = []

    with ExitStack() as stack:

        class Watched(list[int]):
            def append(self, number: int) -> None:
                delivered.append(number)
                if number == 30:
                    timer = threading.Timer(0.3, stack.enter_context(away(books)))
                    timer.start()
                    stack.callback(timer.join)

        deliver("finished", 100, Watched())

    assert len(delivered) == 100
    assert captured(books) == {"finished": 100}


def test_a_database_that_stays_away_breaks_the_stream_and_loses_a_step_at_most(
    books: Books, deliver: Deliver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(meters, "PATIENCE_S", 0.1)
    books.grant(1_000)
    books.session.close()
    delivered: list[int] = []
    blocks = []

    class Watched(list[int]):
        def append(self, number: int) -> None:
            delivered.append(number)
            if number == 30:
                blocks.append(away(books))
                blocks[0].__enter__()

    with pytest.raises(Busy):
        deliver("finished", 100, Watched())
    blocks[0].__exit__(None, None, None)

    assert "'finished' has counted 40 credits, not captured" in caplog.text
    assert len(delivered) == 40
    books.wait(hours=2)
    assert books.ledger.available(OWNER) == 1_000 - 20
    assert books.left() == {"gift": 1_000 - 20}
    books.commit()
    books.ledger.write_due()
    assert captured(books) == {"finished": 20}
    with pytest.raises(HoldClosed, match="'finished' has ended, and 20 credits were captured"):
        deliver("finished", 1, [])


def test_a_meter_whose_first_commit_gets_no_answer_knows_its_hold_again(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    books.grant(100)
    answers_lost = 0

    def commit_and_cut_the_line(connection: Any) -> None:
        nonlocal answers_lost
        connection.commit()
        answers_lost += 1
        raise OperationalError("COMMIT", None, Exception("the line was cut"), connection_invalidated=True)

    with monkeypatch.context() as cut:
        cut.setattr(books.engine.dialect, "do_commit", commit_and_cut_the_line)
        cut.setattr(meters, "PATIENCE_S", 0.0)
        with pytest.raises(Busy):  # no answer at all: what came of it, the same key tells
            books.ledger.meter(OWNER, key="chat:0", step=10)
    assert answers_lost == 5

    def cut_twice(connection: Any) -> None:
        nonlocal answers_lost
        if answers_lost == 7:
            connection.commit()
        else:
            commit_and_cut_the_line(connection)

    with monkeypatch.context() as cut:
        cut.setattr(books.engine.dialect, "do_commit", cut_twice)
        meter = books.ledger.meter(OWNER, key="chat:1", step=10)

    with pytest.raises(KeyReused, match="'chat:1' is being used already"):
        books.ledger.meter(OWNER, key="chat:1", step=10)
    with meter:
        meter.count(12)
    with pytest.raises(HoldClosed):
        books.ledger.meter(OWNER, key="chat:1", step=10)

    books.wait(hours=2)  # what nobody has heard of ends with its time, and charges nothing
    books.ledger.write_due()
    assert captured(books) == {"chat:1": 12}
    assert books.ledger.balance(OWNER) == 88


def test_a_meter_makes_do_with_what_is_left_of_credits_and_budgets(books: Books) -> None:
    books.grant(70)
    books.ledger.set_budget(OWNER, 30, spender="key:1")
    books.commit()

    with books.ledger.meter(OWNER, key="chat:1", spender="key:1", step=20) as meter:
        meter.count(28)
        assert meter.held == 30
        with pytest.raises(
            KeyReused, match="'chat:1' is being used already; it ends by 2026-01-01 01:00:00 UTC"
        ):
            books.ledger.meter(OWNER, key="chat:1")
        with pytest.raises(BudgetExceeded) as refusal:
            meter.count(5)
        assert refusal.value.left == 0
        meter.count(2)
    with pytest.raises(HoldClosed, match="'chat:1' has ended"):
        meter.count()

    assert (meter.counted, meter.charged) == (30, 30)
    with books.ledger.meter(OWNER, key="chat:2") as other:
        assert other.held == 40
    assert other.charged == 0
    with pytest.raises(HoldClosed, match="'chat:2' has ended, and no credits were captured"):
        books.ledger.meter(OWNER, key="chat:2")
    other = books.ledger.meter(OWNER, key="chat:3")
    with pytest.raises(KeyReused):
        books.ledger.hold(OWNER, 40, key="chat:3")
    other.count(3)
    other.end()
    other.end()
    with pytest.raises(HoldClosed, match="'chat:3' has ended"):
        other.count()  # though it had held more
    assert (other.counted, other.charged, books.ledger.available(OWNER)) == (3, 3, 37)


def test_a_meter_goes_on_for_as_long_as_something_is_counted(books: Books) -> None:
    books.grant(100)
    with books.ledger.meter(OWNER, key="chat:1", expires_after=timedelta(minutes=2)) as meter:
        for _ in range(10):
            books.wait(seconds=70)
            meter.count()
            with pytest.raises(InsufficientCredits):
                books.spend(90, "report:1")
        books.wait(minutes=3)
        books.spend(90, "report:1")  # needs what it holds, so it ends: what it had written down is charged
        with pytest.raises(HoldClosed):
            meter.count(60)

    assert books.moves() == [(Kind.GRANT, 100), (Kind.SPEND, -9), (Kind.SPEND, -90)]


def test_rates_make_credits_of_what_is_counted_and_an_entry_says_of_what(books: Books) -> None:
    books.grant(100_000)
    rates = Rates(
        {"gpt-x": {"input": "0.25", "output": "1"}, "page": "2"}, per=1000, version="2026-11", scale=3
    )

    with books.ledger.meter(OWNER, key="chat:1", item="gpt-x", rates=rates, step=100) as meter:
        meter.count(input=1201)
        for _ in range(340):
            meter.count(output=1)

    entry = books.ledger.entries(OWNER)[0]
    assert entry.quantity == {"input": 1201, "output": 340}
    assert (entry.item, entry.price_version, entry.credits) == ("gpt-x", "2026-11", -641)
    assert rates.price("gpt-x", entry.quantity).credits == meter.charged == 641
    lost = books.ledger.meter(OWNER, key="chat:2", item="page", rates=rates, step=10)
    lost.count(7_001)
    lost.count(7_001)  # and then its process dies
    books.wait(hours=2)
    books.ledger.write_due()
    entry = books.ledger.entries(OWNER)[0]
    assert rates.price("page", entry.quantity).credits == -entry.credits == 14_002


@pytest.mark.parametrize(
    ("terms", "counted", "sentence"),
    [
        ({"step": 0}, (), "step is a whole number of credits from 1 on, not 0"),
        ({"step": 2.5}, (), "step is a whole number"),
        ({"expires_after": 60}, (), "expires_after is a timedelta"),
        ({"rates": Rates({"page": "1"}, version="1")}, (), "rates: give the meter an item, such as 'page'"),
        (
            {"rates": Rates({"b": "1", "a": "1"}, version="1"), "item": "c"},
            (),
            "take one that is, such as 'a'",
        ),
        ({}, (-1,), "what is counted is a whole number from 0 on, not -1"),
        ({}, (1.5,), "what is counted is a whole number"),
        ({}, {"output": 1}, "units need rates: give the meter rates to count output"),
    ],
)
def test_nonsense_is_refused_by_name(
    books: Books, terms: dict[str, Any], counted: tuple[Any, ...] | dict[str, int], sentence: str
) -> None:
    books.grant(100)

    with pytest.raises(ValueError, match=sentence), books.ledger.meter(OWNER, key="chat:1", **terms) as meter:
        meter.count(**counted) if isinstance(counted, dict) else meter.count(*counted)

    assert books.ledger.available(OWNER) == 100


def test_an_awaited_meter_is_opened_before_an_answer_begins_and_ends_if_nobody_waits(books: Books) -> None:
    books.grant(5)
    opened: list[Meter] = []

    async def serve() -> None:
        ledger = books.awaited()
        with pytest.raises(RuntimeError, match="not open"):
            await ledger.meter(OWNER, key="chat:0").count()
        with pytest.raises(InsufficientCredits):
            await ledger.meter("nobody", key="chat:1")
        meter = await ledger.meter(OWNER, key="chat:2")
        assert meter.held == 5
        async with meter:
            await meter.count(3)
        assert (meter.key, meter.counted, meter.charged) == ("chat:2", 3, 3)
        opening = asyncio.ensure_future(ledger.meter(OWNER, key="chat:3").__aenter__())
        await asyncio.sleep(0)
        opening.cancel()
        await asyncio.gather(opening, return_exceptions=True)
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.gather(*others)

    in_a_loop(serve())

    assert opened == []
    assert captured(books) == {"chat:2": 3}


def test_tasks_that_count_at_the_same_time_lose_nothing(books: Books) -> None:
    books.grant(500)

    async def serve() -> int | None:
        async with books.awaited().meter(OWNER, key="chat:1", step=3) as meter:
            await asyncio.gather(*(meter.count(2) for _ in range(50)))
        return meter.charged

    charged: list[int | None] = []

    async def note() -> None:
        charged.append(await serve())

    in_a_loop(note())

    assert charged == [100]
    assert captured(books) == {"chat:1": 100}
