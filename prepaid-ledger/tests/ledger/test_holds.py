"""Credits set aside: captured, released or timed out, by whoever knows the key."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import event

from prepaid_ledger.aio import AsyncLedger
from prepaid_ledger.books.hold_states import MOVES, move
from prepaid_ledger.errors import HoldClosed, InsufficientCredits, KeyReused
from prepaid_ledger.tables import HoldState, Kind

from .books import OWNER, Books

pytestmark = pytest.mark.each_database


@pytest.mark.parametrize("state", list(HoldState))
@pytest.mark.parametrize("verb", ["capture", "release", "expire"])
def test_every_pair_of_state_and_verb_is_in_the_table_or_refused(state: HoldState, verb: str) -> None:
    if state is HoldState.OPEN:
        assert move(state, verb) is MOVES[state, verb]
    else:
        with pytest.raises(HoldClosed, match=f"cannot {verb} a hold that is {state}"):
            move(state, verb)


def test_held_credits_stay_in_the_balance_and_cannot_be_spent(books: Books) -> None:
    books.grant(10)

    books.ledger.hold(OWNER, 7, key="job:1")

    wallet = books.ledger.wallet(OWNER)
    assert (wallet.balance, wallet.held, wallet.available) == (10, 7, 3)
    with pytest.raises(InsufficientCredits):
        books.spend(4, "report:1")
    with pytest.raises(InsufficientCredits):
        books.ledger.spend_now(OWNER, credits=4, key="report:1")
    with pytest.raises(InsufficientCredits):
        books.ledger.hold(OWNER, 4, key="job:2")
    with pytest.raises(InsufficientCredits):
        books.adjust(-4)


def test_what_is_not_captured_goes_back(books: Books) -> None:
    books.grant(10)

    with books.ledger.hold(OWNER, 7, key="job:1") as hold:
        hold.capture(5)

    assert books.moves() == [(Kind.GRANT, 10), (Kind.SPEND, -5)]
    assert books.ledger.available(OWNER) == 5


def test_a_block_that_raises_gives_all_back(books: Books) -> None:
    books.grant(10)

    with pytest.raises(ZeroDivisionError), books.ledger.hold(OWNER, 7, key="job:1"):
        _ = 1 / 0

    assert books.ledger.available(OWNER) == 10
    assert books.moves() == [(Kind.GRANT, 10)]


def test_a_block_that_raises_shows_its_own_error_whatever_became_of_its_hold(books: Books) -> None:
    books.grant(10)

    def ended_within(raises: type[Exception]) -> None:
        with books.ledger.hold(OWNER, 7, key="job:1"):
            books.unjoined.capture(OWNER, key="job:1", credits=7)
            raise raises

    async def ended_while_awaited(raises: type[Exception]) -> None:
        async with await books.awaited().hold(OWNER, 2, key="job:2"):
            await books.awaited().capture(OWNER, key="job:2", credits=2)
            raise raises

    with pytest.raises(ZeroDivisionError):
        ended_within(ZeroDivisionError)
    with ThreadPoolExecutor(1) as thread, pytest.raises(ZeroDivisionError):
        thread.submit(asyncio.run, ended_while_awaited(ZeroDivisionError)).result()
    with pytest.raises(HoldClosed), books.ledger.hold(OWNER, 1, key="job:3"):
        books.unjoined.capture(OWNER, key="job:3", credits=1)
    assert books.ledger.balance(OWNER) == 0


def test_a_hold_is_ended_by_its_key_in_another_process(books: Books, other_books: Books) -> None:
    books.grant(10)
    books.ledger.hold(OWNER, 7, key="job:1")

    other_books.ledger.capture(OWNER, key="job:1", credits=7)

    assert books.ledger.balance(OWNER) == 3


def test_a_capture_that_comes_again_takes_nothing_more(books: Books) -> None:
    books.grant(10)
    books.ledger.hold(OWNER, 7, key="job:1")

    books.ledger.capture(OWNER, key="job:1", credits=5)
    books.ledger.capture(OWNER, key="job:1", credits=5)

    assert books.ledger.balance(OWNER) == 5
    with pytest.raises(HoldClosed):
        books.ledger.capture(OWNER, key="job:1", credits=4)
    with pytest.raises(HoldClosed):
        books.ledger.release(OWNER, key="job:1")


def test_a_release_that_comes_again_does_nothing(books: Books) -> None:
    books.grant(10)
    books.ledger.hold(OWNER, 7, key="job:1")

    books.ledger.release(OWNER, key="job:1")
    books.ledger.release(OWNER, key="job:1")

    assert books.ledger.available(OWNER) == 10
    with pytest.raises(HoldClosed):
        books.ledger.capture(OWNER, key="job:1")


def test_more_than_is_held_cannot_be_captured(books: Books) -> None:
    books.grant(10)
    hold = books.ledger.hold(OWNER, 7, key="job:1")

    with pytest.raises(ValueError, match="7 credits are held"):
        hold.capture(8)

    hold.capture(0)
    assert books.ledger.available(OWNER) == 10


def test_the_same_key_is_the_same_hold(books: Books) -> None:
    books.grant(10)
    books.ledger.hold(OWNER, 7, key="job:1")
    books.ledger.hold(OWNER, 7, key="job:1")

    assert books.ledger.wallet(OWNER).held == 7
    with pytest.raises(KeyReused):
        books.ledger.hold(OWNER, 6, key="job:1")


def test_a_hold_that_never_was_cannot_be_ended(books: Books) -> None:
    with pytest.raises(HoldClosed):
        books.ledger.capture(OWNER, key="job:none")


def test_an_overdue_hold_is_released_by_the_spend_that_needs_its_credits(books: Books) -> None:
    books.grant(10)
    hold = books.ledger.hold(OWNER, 7, key="job:1")
    books.wait(hours=1)

    assert books.ledger.available(OWNER) == 10
    books.spend(8, "report:1")

    with pytest.raises(HoldClosed):
        hold.capture()


def test_an_overdue_hold_can_be_captured_as_long_as_nobody_needed_its_credits(books: Books) -> None:
    books.grant(10)
    hold = books.ledger.hold(OWNER, 7, key="job:1")
    books.wait(hours=2)
    books.spend(3, "report:1")

    hold.capture()

    assert books.ledger.balance(OWNER) == 0


def test_tick_releases_what_is_overdue(books: Books) -> None:
    books.grant(10)
    books.ledger.hold(OWNER, 7, key="job:1")
    books.wait(hours=1)

    assert books.ledger.write_due() == 1
    assert books.ledger.write_due() == 0

    with pytest.raises(HoldClosed):
        books.ledger.capture(OWNER, key="job:1")


def test_an_overdue_hold_gives_nothing_back_of_credits_that_ended_meanwhile(books: Books) -> None:
    books.grant(10, expires_at=books.later(minutes=30))
    books.ledger.hold(OWNER, 10, key="job:1")
    books.wait(hours=1)

    with pytest.raises(InsufficientCredits):
        books.spend(1, "report:1")
    books.ledger.write_due()

    assert books.moves() == [(Kind.GRANT, 10), (Kind.EXPIRY, -10)]


class Failed(Exception):
    """What a job raises that is tried again."""


def try_job(books: Books, *, fails: bool, key: str = "job:1") -> HoldState:
    """What a worker does each time; in which state it has found the hold."""
    with books.ledger.hold(OWNER, 7, key=key, spender="key:1") as hold:
        state = hold.state
        if fails:
            raise Failed
        hold.capture(5)
    return state


def test_a_job_that_failed_is_tried_again_under_its_key_and_paid_once(books: Books) -> None:
    books.grant(10)
    books.ledger.set_budget(OWNER, 7, spender="key:1")
    books.commit()
    for _ in range(2):
        with pytest.raises(Failed):
            try_job(books, fails=True)

    states = [try_job(books, fails=False) for _ in range(2)]

    assert states == [HoldState.OPEN, HoldState.CAPTURED]
    assert books.moves() == [(Kind.GRANT, 10), (Kind.SPEND, -5)]
    assert [budget.spent for budget in books.ledger.budgets(OWNER)] == [5]
    books.reverse("hold:job:1", "undo:1")
    assert books.ledger.available(OWNER) == 10


def test_a_job_whose_credits_are_gone_by_its_next_try_is_refused_before_the_work(books: Books) -> None:
    books.grant(10)
    with pytest.raises(Failed):
        try_job(books, fails=True)
    books.spend(4, "report:1")

    with pytest.raises(InsufficientCredits):
        try_job(books, fails=False)
    with pytest.raises(KeyReused):
        books.ledger.hold(OWNER, 6, key="job:1", spender="key:1")
    books.buy(1, 100)

    assert try_job(books, fails=False) is HoldState.OPEN


def test_a_job_whose_worker_died_holds_anew_once_its_time_is_over(books: Books) -> None:
    key = "job:" + "1" * 116
    books.grant(10)
    books.ledger.hold(OWNER, 7, key=key, spender="key:1")
    books.wait(minutes=59)
    books.ledger.hold(OWNER, 7, key=key, spender="key:1")
    books.wait(minutes=1)
    second = books.ledger.hold(OWNER, 7, key=key, spender="key:1")
    books.wait(minutes=59)

    with pytest.raises(InsufficientCredits):
        books.spend(4, "report:1")
    second.capture(5)

    assert try_job(books, fails=False, key=key) is HoldState.CAPTURED
    assert books.ledger.balance(OWNER) == 5


def test_a_worker_that_was_too_slow_ends_its_own_hold_alone(books: Books) -> None:
    books.grant(10)
    slow = books.ledger.hold(OWNER, 7, key="job:1")
    books.wait(hours=1)

    with books.ledger.hold(OWNER, 7, key="job:1") as next_try:
        with pytest.raises(Failed), slow:
            raise Failed
        with pytest.raises(HoldClosed, match="cannot capture a hold that is expired"):
            slow.capture()
        with pytest.raises(HoldClosed):
            slow.extend(8)
        next_try.capture(5)

    assert books.moves() == [(Kind.GRANT, 10), (Kind.SPEND, -5)]
    assert books.ledger.available(OWNER) == 5


async def begun_again_and_cancelled(ledger: AsyncLedger) -> int:
    """A call comes again while the first is at work, and its caller goes away; what is held then."""
    first = await ledger.hold(OWNER, 7, key="job:1")
    again = asyncio.ensure_future(ledger.hold(OWNER, 7, key="job:1"))
    await asyncio.sleep(0)
    again.cancel()
    while others := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(others)
    held = (await ledger.wallet(OWNER)).held
    await first.capture(5)
    return held


def test_a_call_that_comes_again_and_is_cancelled_takes_nothing_from_the_first(books: Books) -> None:
    books.grant(10)

    with ThreadPoolExecutor(1) as thread:
        held = thread.submit(asyncio.run, begun_again_and_cancelled(books.awaited())).result()

    assert held == 7
    assert books.ledger.available(OWNER) == 5


async def cancelled_at_once(ledger: AsyncLedger, begun: threading.Event, is_gone: threading.Event) -> None:
    """A task is cancelled while it waits for the credits that it holds; what it began comes to its end."""

    async def job() -> None:
        async with await ledger.hold(OWNER, 7, key="job:1"):
            raise AssertionError("nobody waits for it")

    waiting = asyncio.ensure_future(job())
    await asyncio.to_thread(begun.wait)
    waiting.cancel()
    await asyncio.wait([waiting])
    is_gone.set()
    while others := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(others)


def test_a_task_that_is_cancelled_while_its_credits_are_held_gets_none(books: Books) -> None:
    books.grant(10)
    begun, is_gone = threading.Event(), threading.Event()

    @event.listens_for(books.engine, "before_cursor_execute")
    def wait(*_statement: object) -> None:
        begun.set()
        is_gone.wait(timeout=30)

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, cancelled_at_once(books.awaited(), begun, is_gone)).result()

    assert books.ledger.available(OWNER) == 10
    assert try_job(books, fails=False, key="job:2") is HoldState.OPEN
