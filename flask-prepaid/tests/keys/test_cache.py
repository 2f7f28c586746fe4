"""The cache of keys: they are looked up together, and relied on for some seconds."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import Engine, create_engine, event, update

from flask_prepaid import ApiKey
from flask_prepaid.fast_path import callers as fast_path_callers
from flask_prepaid.fast_path.callers import Callers
from flask_prepaid.keys.cache import CACHED_FOR_S, KeyCache, digest_of
from flask_prepaid.keys.caller import Caller
from prepaid_ledger.clock import wall as utc_now

from .host import Host


class Watch:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def engine(host: Host) -> Engine:
    return host.prepaid.engine


@pytest.fixture
def digest(host: Host) -> str:
    return digest_of(host.make_key().secret)


def nobody(owners: Collection[str]) -> Collection[str]:
    """Who of these is shut out: nobody is."""
    return ()


@contextmanager
def on_lookup(engine: Engine, when: str, act: Callable[[int], None]) -> Iterator[list[int]]:
    """Call ``act`` with the number of each lookup, ``before`` or ``after`` it is sent; yields the numbers."""
    seen: list[int] = []

    def note(connection: object, cursor: object, statement: str, *more: object) -> None:
        if statement.startswith("SELECT prepaid_api_key"):
            seen.append(len(seen) + 1)
            act(seen[-1])

    event.listen(engine, f"{when}_cursor_execute", note)
    yield seen
    event.remove(engine, f"{when}_cursor_execute", note)


def nothing(number: int) -> None:
    """Only count."""


def write(host: Host, **values: object) -> None:
    """Change the keys as another process would."""
    with host.prepaid.engine.begin() as connection:
        connection.execute(update(ApiKey).values(**values))


def test_a_key_is_looked_up_again_after_some_seconds(engine: Engine, digest: str) -> None:
    watch = Watch()
    cache = KeyCache(engine, nobody, watch)

    with on_lookup(engine, "before", nothing) as lookups:
        callers = {cache.find(digest) for _ in range(5)}
        watch.now_s += CACHED_FOR_S
        callers.add(cache.find(digest))

    assert len(callers) == 1
    assert None not in callers
    assert lookups == [1, 2]


def test_one_call_renews_all_keys_that_are_in_use(engine: Engine, host: Host) -> None:
    first, second = (digest_of(host.make_key(name).secret) for name in ("one job", "another"))
    watch = Watch()
    cache = KeyCache(engine, nobody, watch)
    with on_lookup(engine, "before", nothing) as lookups:
        for digest in (first, second, first, second):
            cache.find(digest)
        watch.now_s += 0.6 * CACHED_FOR_S
        cache.find(first)
        cache.find(second)
        watch.now_s += 0.6 * CACHED_FOR_S
        cache.find(second)

    assert lookups == [1, 2, 3, 4]


def test_a_key_that_came_once_is_not_renewed(engine: Engine, host: Host) -> None:
    once, often = (digest_of(host.make_key(name).secret) for name in ("a job of the night", "a busy one"))
    watch = Watch()
    cache = KeyCache(engine, nobody, watch)
    for digest in (once, often, often):
        cache.find(digest)

    watch.now_s += 0.6 * CACHED_FOR_S
    cache.find(often)

    assert len(cache) == 1


def test_a_key_that_another_process_revoked_is_refused_after_some_seconds(
    host: Host, engine: Engine, digest: str
) -> None:
    watch = Watch()
    cache = KeyCache(engine, nobody, watch)
    assert cache.find(digest) is not None

    write(host, revoked_at=utc_now())
    watch.now_s += CACHED_FOR_S

    assert cache.find(digest) is None


def test_a_key_ends_on_time_while_it_is_remembered(host: Host, engine: Engine, digest: str) -> None:
    soon = utc_now() + timedelta(milliseconds=300)
    write(host, expires_at=soon)
    cache = KeyCache(engine, nobody, Watch())
    assert cache.find(digest) is not None

    while utc_now() < soon:
        pass

    assert cache.find(digest) is None


def test_a_key_that_is_revoked_during_its_lookup_is_not_remembered(
    host: Host, engine: Engine, digest: str
) -> None:
    cache = KeyCache(engine, nobody, Watch())

    def revoke_meanwhile(number: int) -> None:
        if number == 1:
            write(host, revoked_at=utc_now())
            cache.forget()

    with on_lookup(engine, "after", revoke_meanwhile):
        cache.find(digest)

    assert cache.find(digest) is None


def test_calls_at_the_same_time_share_one_lookup(engine: Engine, host: Host) -> None:
    digests = [digest_of(host.make_key(f"job {i}").secret) for i in range(8)]
    cache = KeyCache(engine, nobody)
    lookup_began, all_wait = threading.Event(), threading.Event()

    def hold_the_first(number: int) -> None:
        lookup_began.set()
        assert all_wait.wait(60)

    with on_lookup(engine, "before", hold_the_first) as lookups, ThreadPoolExecutor(8) as calls:
        futures = [calls.submit(cache.find, digests[0])]
        assert lookup_began.wait(60)
        futures += [calls.submit(cache.find, digest) for digest in digests[1:]]
        while cache.waiting < 7:
            threading.Event().wait(0.001)
        all_wait.set()
        callers = {call.result(60) for call in futures}

    assert len(callers) == 8
    assert None not in callers
    assert lookups == [1, 2]


def test_keys_that_open_nothing_are_not_remembered(engine: Engine) -> None:
    cache = KeyCache(engine, nobody, Watch())

    callers = [cache.find(digest_of(f"key_guess{i}")) for i in range(20)]

    assert set(callers) == {None}
    assert len(cache) == 0


def test_calls_of_an_event_loop_share_one_lookup_and_wait_for_no_renewal(engine: Engine, host: Host) -> None:
    digests = [digest_of(host.make_key(f"job {i}").secret) for i in range(8)]
    watch = Watch()
    callers = Callers(KeyCache(engine, nobody, watch))

    all_answered = threading.Event()

    def wait_for_the_calls(number: int) -> None:
        assert number == 1 or all_answered.wait(60)

    async def ask() -> list[set[Caller | None]]:
        first = set(await asyncio.gather(*map(callers.find, digests)))
        watch.now_s += 0.6 * CACHED_FOR_S
        second = set(await asyncio.gather(*map(callers.find, digests)))
        all_answered.set()
        async with asyncio.timeout(60):
            while lookups != [1, 2]:
                await asyncio.sleep(0.001)
        return [first, second]

    with on_lookup(engine, "before", wait_for_the_calls) as lookups:
        first, second = asyncio.run(ask())

    assert len(first) == 8
    assert None not in first
    assert second == first


def test_a_call_whose_keys_cannot_be_looked_up_is_left_to_flask(host: Host, digest: str) -> None:
    nowhere = create_engine("sqlite:////nowhere/at/all.sqlite3")
    callers = Callers(KeyCache(nowhere, nobody))

    assert asyncio.run(callers.find(digest)) is None


def test_a_loop_that_ends_before_its_look_began_stops_no_loop_after_it(engine: Engine, digest: str) -> None:
    callers = Callers(KeyCache(engine, nobody))
    left_behind: list[asyncio.Future[Caller | None]] = []

    async def come_and_go() -> None:
        left_behind.append(asyncio.ensure_future(callers.find(digest)))

    async def stay() -> Caller | None:
        async with asyncio.timeout(60):
            return await callers.find(digest)

    asyncio.run(come_and_go())

    assert left_behind[0].cancelled()
    assert asyncio.run(stay()) is not None


def test_a_renewal_that_failed_is_not_tried_again_by_each_call(
    engine: Engine, digest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fast_path_callers, "PAUSE_S", 3600.0)
    watch, fails = Watch(), threading.Event()
    questions: list[Collection[str]] = []

    def blocked_among(owners: Collection[str]) -> Collection[str]:
        questions.append(owners)
        if fails.is_set():
            raise RuntimeError("the host's own table is away")
        return ()

    callers = Callers(KeyCache(engine, blocked_among, watch))

    async def calls() -> set[Caller | None]:
        answers = [await callers.find(digest)]
        watch.now_s += 0.6 * CACHED_FOR_S
        fails.set()
        answers += [await callers.find(digest)]
        async with asyncio.timeout(60):
            while len(questions) < 2:
                await asyncio.sleep(0.001)
        for _ in range(50):
            answers.append(await callers.find(digest))
            await asyncio.sleep(0.001)
        return set(answers)

    (caller,) = asyncio.run(calls())

    assert caller is not None
    assert len(questions) == 2
