"""Which API keys open the shop: looked up together, and remembered for some seconds.

What was revoked in that time draws nothing: the database refuses the row of what is
drawn (a trigger of the first migration), and ``api_keys.confirm`` asks it before any other answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from threading import Lock
from typing import Any

from sqlalchemy import JSON, Connection, Engine, Select, bindparam, func, select, update
from sqlalchemy.exc import OperationalError

from ..callers import Caller
from ..models import ApiKey, User, utc_now

#: How long a process relies on what it has read of a key: its owner, and whether there are limits to count.
REMEMBERED_S = 10.0

#: The most keys in one look.
MOST = 128

#: How exactly ``last_used_at`` is kept: one write a minute, not one a call.
USE_IS_NOTED_EVERY = timedelta(minutes=1)

#: Turns one JSON text into rows: a list of a hundred parameters costs the process more than the look itself.
LISTED = {"sqlite": func.json_each, "postgresql": func.json_array_elements_text}


def look(dialect: str) -> Select[*tuple[Any, ...]]:
    """What the keys of some ``digests`` open."""
    digests = LISTED[dialect](bindparam("digests", type_=JSON)).table_valued("value")
    return (
        select(
            ApiKey.digest,
            ApiKey.id,
            ApiKey.user_id,
            ApiKey.cap_per_month,
            ApiKey.expires_at,
            ApiKey.last_used_at,
            User.cap_per_month.label("spending_limit"),
        )
        .join(User, User.id == ApiKey.user_id)
        .where(ApiKey.digest.in_(select(digests.c.value)), ApiKey.revoked_at.is_(None), User.active)
    )


NOTE_USE = (
    update(ApiKey).where(ApiKey.id.in_(bindparam("ids", expanding=True))).values(last_used_at=bindparam("at"))
)


@dataclass
class Known:
    """What a key opened when it was looked up, and until when that is taken for true."""

    caller: Caller
    expires_at: datetime | None
    until_s: float
    is_used: bool = False


class Ring:
    """The keys that were used a moment ago.

    Calls that come at the same time with keys not known share one SELECT, and it renews
    what is in use and half over. Keys that open nothing are never remembered, so that
    guessing fills no memory.
    """

    def __init__(self, engine: Engine, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._look_up = look(engine.dialect.name)
        self._clock_s = clock_s
        self._known: dict[str, Known] = {}  # oldest first
        self._wanted: set[str] = set()
        self._looking = Lock()

    def __len__(self) -> int:
        """How many keys are remembered."""
        return len(self._known)

    @property
    def waiting(self) -> int:
        """How many keys the next look will be for."""
        return len(self._wanted)

    def find(self, digest: str) -> Caller | None:
        """Who calls with the key of this digest; ``None`` if it opens nothing."""
        known = self._remembered(digest)
        if known is None:
            known = self._look(digest)
        elif self._is_half_over(known) and self._looking.acquire(blocking=False):
            try:  # one call renews for all, while the others go on with what is remembered
                self._renew(set())
            finally:
                self._looking.release()
        return opened(known)

    def at_hand(self, digest: str) -> Caller | None:
        """The same if nothing has to be looked up for it now, not for others either; else ``None``."""
        known = self._remembered(digest)
        if known is None or (self._is_half_over(known) and not self._looking.locked()):
            return None
        return opened(known)

    def find_anew(self, digest: str) -> Caller | None:
        """The same by what the database says now."""
        with self._looking:
            known = self._renew({digest}).get(digest)
        return opened(known)

    def forget(self) -> None:
        """Look all keys up anew from now on. Call it after a revocation is committed.

        What a look that is under way has read goes into the dictionary that it began
        with, which nobody reads any more.
        """
        self._known = {}

    def _remembered(self, digest: str) -> Known | None:
        known = self._known.get(digest)
        return known if known is not None and known.until_s > self._clock_s() else None

    def _is_half_over(self, known: Known) -> bool:
        return known.until_s < self._clock_s() + REMEMBERED_S / 2

    def _look(self, digest: str) -> Known | None:
        self._wanted.add(digest)
        with self._looking:
            if known := self._remembered(digest):  # who looked before us has looked for us, too
                return known
            return self._renew({digest}).get(digest)

    def _renew(self, wanted: set[str]) -> dict[str, Known]:
        """Look up what is wanted and what is due; what opens. Only one does it at a time."""
        ring, now_s = self._known, self._clock_s()
        wanted |= set(due(ring, now_s + REMEMBERED_S / 2))
        while self._wanted and len(wanted) < MOST:
            wanted.add(self._wanted.pop())
        if not wanted:
            return {}
        found = self._fetch(wanted, now_s + REMEMBERED_S)
        for digest in wanted:
            ring.pop(digest, None)
        ring.update(found)
        return found

    def _fetch(self, digests: Collection[str], until_s: float) -> dict[str, Known]:
        with self._engine.connect() as connection:
            rows = connection.execute(self._look_up, {"digests": list(digests)}).all()
            now = utc_now()
            idle = [
                row.id
                for row in rows
                if row.last_used_at is None or row.last_used_at < now - USE_IS_NOTED_EVERY
            ]
            if idle:
                note_use(connection, idle, now)
        return {
            row.digest: Known(
                Caller(row.user_id, row.id, row.cap_per_month, row.spending_limit), row.expires_at, until_s
            )
            for row in rows
        }


def opened(known: Known | None) -> Caller | None:
    """Who calls with a key that is in time."""
    if known is None or (known.expires_at is not None and known.expires_at <= utc_now()):
        return None
    known.is_used = True
    return known.caller


def due(ring: dict[str, Known], until_s: float) -> list[str]:
    """The oldest keys that are in use and end before ``until_s``. Those not in use are dropped."""
    oldest = [(digest, known) for digest, known in islice(ring.items(), MOST // 2) if known.until_s < until_s]
    for digest, known in oldest:
        if not known.is_used:
            del ring[digest]
    return [digest for digest, known in oldest if known.is_used]


def note_use(connection: Connection, ids: list[int], now: datetime) -> None:
    with suppress(OperationalError):  # a note is worth no refusal: the next call makes it
        connection.execute(NOTE_USE, {"ids": ids, "at": now})
