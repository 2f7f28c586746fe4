"""API keys that were used a moment ago: looked up together, and remembered for some seconds.

A key that was revoked in that time buys nothing: the books refuse its spends (``keys.revoke`` gives it a
budget of nothing), and before any other answer ``KeyCache.still_opens`` asks the database.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import islice
from threading import Lock
from typing import Any

from sqlalchemy import JSON, Connection, Engine, Select, bindparam, func, select, update
from sqlalchemy.exc import OperationalError

from prepaid_ledger import clock as clocks

from .caller import Caller
from .models import ApiKey

#: How long a process relies on what it has read of a key.
CACHED_FOR_S = 10.0

#: The most keys that one SELECT looks up.
MAX_KEYS = 128

#: How exactly ``last_used_at`` is kept: one write a minute, not one a call.
USE_IS_NOTED_EVERY = timedelta(minutes=1)

#: Turns one JSON text into rows: a list of a hundred parameters costs more than the SELECT itself.
_JSON_ROWS = {"sqlite": func.json_each, "postgresql": func.json_array_elements_text}

_NOTE_USE = (
    update(ApiKey).where(ApiKey.id.in_(bindparam("ids", expanding=True))).values(last_used_at=bindparam("at"))
)


def digest_of(secret: str) -> str:
    """What is kept of a key. It has 256 bits of chance, so a plain digest tells nobody anything."""
    return sha256(secret.encode(errors="surrogatepass")).hexdigest()


@dataclass
class CachedKey:
    """What a key opened when it was looked up, and until when that is relied on.

    :param is_used: Whether it was wanted again since: most keys are not, and are renewed for nobody.
    """

    caller: Caller
    expires_at: datetime | None
    until_s: float
    is_used: bool = False


class KeyCache:
    """The keys that were used a moment ago.

    Calls that come at the same time with unknown keys share one SELECT. The same SELECT renews the keys that
    are in use and half over. Keys that open nothing are never remembered, so that guessing fills no memory.

    :param blocked_among: Which of these owners the host has shut out; asked at each look into the database.
    :param clock_s: Seconds that go by.
    """

    def __init__(
        self,
        engine: Engine,
        blocked_among: Callable[[Collection[str]], Collection[str]],
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._select = _select_keys(engine.dialect.name)
        self._blocked_among = blocked_among
        self._clock_s = clock_s
        self._keys: dict[str, CachedKey] = {}  # oldest first
        self._wanted: set[str] = set()
        self._fetching = Lock()

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def waiting(self) -> int:
        """How many keys wait for the next SELECT."""
        return len(self._wanted)

    def find(self, digest: str) -> Caller | None:
        """Who calls with the key of this digest; ``None`` if it was never made, is revoked or has ended.

        The answer is ten seconds old at most. That is enough for a call that spends.
        """
        key = self.remembered(digest)
        if key is None:
            key = self._fetch_with_others(digest)
        elif self.is_half_over(key) and self._fetching.acquire(blocking=False):
            try:  # one call renews for all, while the others go on with what is remembered
                self._renew(set())
            finally:
                self._fetching.release()
        return caller_with(key)

    def find_all(self, digests: set[str]) -> dict[str, Caller]:
        """Who calls with each of these keys, and nobody for one that opens nothing; by one SELECT.

        It renews by the way, and may be asked for nothing else.
        """
        with self._fetching:
            known = {digest: key for digest in digests if (key := self.remembered(digest))}
            known |= self._renew(digests - known.keys())
        callers = {digest: caller_with(known.get(digest)) for digest in digests}
        return {digest: caller for digest, caller in callers.items() if caller is not None}

    def remembered(self, digest: str) -> CachedKey | None:
        """What was looked up less than ten seconds ago; it is in use from then on."""
        key = self._keys.get(digest)
        if key is None or key.until_s <= self._clock_s():
            return None
        key.is_used = True
        return key

    def is_half_over(self, key: CachedKey) -> bool:
        """Whether it is time to renew this one."""
        return key.until_s < self._clock_s() + CACHED_FOR_S / 2

    def find_anew(self, digest: str) -> Caller | None:
        """Who calls, by what the database says now."""
        with self._fetching:
            key = self._renew({digest}).get(digest)
        return caller_with(key)

    def still_opens(self, caller: Caller) -> bool:
        """Whether the caller's key, if there is one, opens something now. If not, all are looked up anew."""
        if caller.key_id is None:
            return True
        with self._engine.connect() as connection:
            live = select(ApiKey.id).where(ApiKey.id == caller.key_id, ApiKey.revoked_at.is_(None))
            opens = connection.scalar(live) is not None
        if opens and not self._blocked_among({caller.owner}):
            return True
        self.forget()
        return False

    def forget(self) -> None:
        """Look all keys up anew from now on.

        A SELECT that is under way writes into the dictionary that it began with, which nobody reads any more.
        """
        self._keys = {}

    def _fetch_with_others(self, digest: str) -> CachedKey | None:
        self._wanted.add(digest)
        with self._fetching:
            if key := self.remembered(digest):  # the call that held the lock has fetched ours, too
                return key
            return self._renew({digest}).get(digest)

    def _renew(self, digests: set[str]) -> dict[str, CachedKey]:
        """Fetch these keys and those that are due; returns the ones that open. The caller holds the lock."""
        keys, now_s = self._keys, self._clock_s()
        digests |= set(_due(keys, now_s + CACHED_FOR_S / 2))
        while self._wanted and len(digests) < MAX_KEYS:
            digests.add(self._wanted.pop())
        if not digests:
            return {}
        fetched = self._fetch(digests, now_s + CACHED_FOR_S)
        for digest in digests:
            keys.pop(digest, None)
        keys.update(fetched)
        return fetched

    def _fetch(self, digests: Collection[str], until_s: float) -> dict[str, CachedKey]:
        with self._engine.connect() as connection:
            rows = connection.execute(self._select, {"digests": list(digests)}).all()
            now = clocks.wall()
            idle = [
                row.id
                for row in rows
                if row.last_used_at is None or row.last_used_at < now - USE_IS_NOTED_EVERY
            ]
            if idle:
                _note_use(connection, idle, now)
        blocked = self._blocked_among({row.owner for row in rows})
        return {
            row.digest: CachedKey(Caller(row.owner, row.id), row.expires_at, until_s)
            for row in rows
            if row.owner not in blocked
        }


def _select_keys(dialect: str) -> Select[*tuple[Any, ...]]:
    """What the keys of some ``digests`` open."""
    digests = _JSON_ROWS[dialect](bindparam("digests", type_=JSON)).table_valued("value")
    return select(ApiKey.digest, ApiKey.id, ApiKey.owner, ApiKey.expires_at, ApiKey.last_used_at).where(
        ApiKey.digest.in_(select(digests.c.value)), ApiKey.revoked_at.is_(None)
    )


def caller_with(key: CachedKey | None) -> Caller | None:
    """Who calls with a key; ``None`` if there is none, or it has ended."""
    if key is None or (key.expires_at is not None and key.expires_at <= clocks.wall()):
        return None
    return key.caller


def _due(keys: dict[str, CachedKey], until_s: float) -> list[str]:
    """The oldest keys that are in use and end before ``until_s``. Those not in use are dropped."""
    oldest = [(digest, key) for digest, key in islice(keys.items(), MAX_KEYS // 2) if key.until_s < until_s]
    for digest, key in oldest:
        if not key.is_used:
            del keys[digest]
    return [digest for digest, key in oldest if key.is_used]


def _note_use(connection: Connection, ids: list[int], now: datetime) -> None:
    with suppress(OperationalError):  # a note is worth no refusal: the next call makes it
        connection.execute(_NOTE_USE, {"ids": ids, "at": now})
