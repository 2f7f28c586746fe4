"""The ring: keys are looked up together, and relied on for some seconds."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import Engine, event, update

from rando_number.keys.api_keys import digest_of
from rando_number.keys.key_cache import CACHED_FOR_S, KeyCache
from rando_number.models import ApiKey, db, utc_now

from .shop import Shop


class Watch:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def engine(shop: Shop) -> Engine:
    with shop.app.app_context():
        return db.engine


@pytest.fixture
def digest(shop: Shop) -> str:
    return digest_of(shop.customer().make_key())


@contextmanager
def on_lookup(engine: Engine, when: str, act: Callable[[int], None]) -> Iterator[list[int]]:
    """Call ``act`` with the number of each look, ``before`` or ``after`` it is sent; these numbers."""
    seen: list[int] = []

    def note(connection: object, cursor: object, statement: str, *more: object) -> None:
        if statement.startswith("SELECT api_keys"):
            seen.append(len(seen) + 1)
            act(seen[-1])

    event.listen(engine, f"{when}_cursor_execute", note)
    yield seen
    event.remove(engine, f"{when}_cursor_execute", note)


def nothing(number: int) -> None:
    """Only count."""


def write(shop: Shop, **values: object) -> None:
    """Change the keys as another process would."""
    with shop.app.app_context():
        db.session.execute(update(ApiKey).values(**values))
        db.session.commit()


def test_a_key_is_looked_up_once_in_a_while(engine: Engine, digest: str) -> None:
    watch = Watch()
    cache = KeyCache(engine, watch)

    with on_lookup(engine, "before", nothing) as looks:
        callers = {cache.find(digest) for _ in range(5)}
        watch.now_s += CACHED_FOR_S
        callers.add(cache.find(digest))

    assert len(callers) == 1
    assert None not in callers
    assert looks == [1, 2]


def test_one_call_renews_all_keys_that_are_in_use(engine: Engine, shop: Shop) -> None:
    customer = shop.customer()
    first, second = (digest_of(customer.make_key(name)) for name in ("one job", "another"))
    watch = Watch()
    cache = KeyCache(engine, watch)
    with on_lookup(engine, "before", nothing) as looks:
        for digest in (first, second):
            cache.find(digest)
        watch.now_s += 0.6 * CACHED_FOR_S
        cache.find(first)
        cache.find(second)
        watch.now_s += 0.6 * CACHED_FOR_S
        cache.find(second)

    assert looks == [1, 2, 3, 4]


def test_what_another_process_revokes_is_refused_after_a_second(
    shop: Shop, engine: Engine, digest: str
) -> None:
    watch = Watch()
    cache = KeyCache(engine, watch)
    assert cache.find(digest) is not None

    write(shop, revoked_at=utc_now())
    watch.now_s += CACHED_FOR_S

    assert cache.find(digest) is None


def test_a_key_ends_on_time_while_it_is_remembered(shop: Shop, engine: Engine, digest: str) -> None:
    soon = utc_now() + timedelta(milliseconds=300)
    write(shop, expires_at=soon)
    cache = KeyCache(engine, Watch())
    assert cache.find(digest) is not None

    while utc_now() < soon:
        pass

    assert cache.find(digest) is None


def test_a_look_that_is_overtaken_by_a_revocation_is_not_remembered(
    shop: Shop, engine: Engine, digest: str
) -> None:
    cache = KeyCache(engine, Watch())

    def revoke_meanwhile(number: int) -> None:
        if number == 1:
            write(shop, revoked_at=utc_now())
            cache.forget()

    with on_lookup(engine, "after", revoke_meanwhile):
        cache.find(digest)

    assert cache.find(digest) is None


def test_calls_that_come_at_once_share_a_look(engine: Engine, shop: Shop) -> None:
    customer = shop.customer()
    digests = [digest_of(customer.make_key(f"job {i}")) for i in range(8)]
    cache = KeyCache(engine)
    looking, all_wait = threading.Event(), threading.Event()

    def hold_the_first(number: int) -> None:
        looking.set()
        assert all_wait.wait(10)

    with on_lookup(engine, "before", hold_the_first) as looks, ThreadPoolExecutor(8) as calls:
        found = [calls.submit(cache.find, digests[0])]
        assert looking.wait(10)
        found += [calls.submit(cache.find, digest) for digest in digests[1:]]
        while cache.waiting < 7:
            threading.Event().wait(0.001)
        all_wait.set()
        callers = {call.result(10) for call in found}

    assert len(callers) == 8
    assert None not in callers
    assert looks == [1, 2]


def test_keys_that_open_nothing_are_not_remembered(engine: Engine) -> None:
    cache = KeyCache(engine, Watch())

    found = [cache.find(digest_of(f"rn_guess{i}")) for i in range(20)]

    assert set(found) == {None}
    assert len(cache) == 0
