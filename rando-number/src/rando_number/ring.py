"""Which API keys open the shop: looked up together, and remembered for a second."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock

from sqlalchemy import Connection, Engine, bindparam, select, update
from sqlalchemy.exc import OperationalError

from .models import ApiKey, User, utc_now
from .who import Caller

#: How long a process may go on taking a key that another one has revoked.
REMEMBERED_S = 1.0

#: The most keys that are remembered.
MOST = 20_000

#: How exactly ``last_used_at`` is kept: one write a minute, not one a call.
USE_IS_NOTED_EVERY = timedelta(minutes=1)

LOOK = (
    select(
        ApiKey.digest,
        ApiKey.id,
        ApiKey.user_id,
        ApiKey.cap_per_month,
        ApiKey.expires_at,
        ApiKey.last_used_at,
    )
    .join(User, User.id == ApiKey.user_id)
    .where(ApiKey.digest.in_(bindparam("digests", expanding=True)), ApiKey.revoked_at.is_(None), User.active)
)
NOTE_USE = (
    update(ApiKey).where(ApiKey.id.in_(bindparam("ids", expanding=True))).values(last_used_at=bindparam("at"))
)


@dataclass(frozen=True)
class Known:
    """What a key opened when it was looked up, and until when that is taken for true."""

    caller: Caller
    expires_at: datetime | None
    until_s: float


class Ring:
    """The keys that were used a moment ago.

    Calls that come at the same time with keys not known share one SELECT. Keys that open
    nothing are never remembered, so that guessing fills no memory.
    """

    def __init__(self, engine: Engine, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._clock_s = clock_s
        self._known: dict[str, Known] = {}
        self._wanted: set[str] = set()
        self._looking = Lock()

    def find(self, digest: str) -> Caller | None:
        """Who calls with the key of this digest; ``None`` if it opens nothing."""
        known = self._remembered(digest) or self._look(digest)
        if known is None or (known.expires_at is not None and known.expires_at <= utc_now()):
            return None
        return known.caller

    def forget(self) -> None:
        """Look all keys up anew from now on. Call it after a revocation is committed.

        What a look that is under way has read goes into the dictionary that it began
        with, which nobody reads any more.
        """
        self._known = {}

    def _remembered(self, digest: str) -> Known | None:
        known = self._known.get(digest)
        return known if known is not None and known.until_s > self._clock_s() else None

    def _look(self, digest: str) -> Known | None:
        self._wanted.add(digest)
        with self._looking:
            if known := self._remembered(digest):  # who looked before us has looked for us, too
                return known
            wanted = {digest}
            while self._wanted:
                wanted.add(self._wanted.pop())
            if len(self._known) > MOST:
                self.forget()
            known_then, until_s = self._known, self._clock_s() + REMEMBERED_S
            found = self._fetch(wanted, until_s)
            known_then.update(found)
            return found.get(digest)

    def _fetch(self, digests: Iterable[str], until_s: float) -> dict[str, Known]:
        with self._engine.connect() as connection:
            rows = connection.execute(LOOK, {"digests": list(digests)}).all()
            now = utc_now()
            idle = [
                row.id
                for row in rows
                if row.last_used_at is None or row.last_used_at < now - USE_IS_NOTED_EVERY
            ]
            if idle:
                note_use(connection, idle, now)
        return {
            row.digest: Known(Caller(row.user_id, row.id, row.cap_per_month), row.expires_at, until_s)
            for row in rows
        }


def note_use(connection: Connection, ids: list[int], now: datetime) -> None:
    with suppress(OperationalError):  # a note is worth no refusal: the next call makes it
        connection.execute(NOTE_USE, {"ids": ids, "at": now})
