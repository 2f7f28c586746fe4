"""The one SQLite file of an account, or its database in memory, and each transaction on it.

A request, and each thing that falls due, runs in one ``Store.transaction()``: all of it is
kept, or nothing. Inside, ``store`` has the objects.

Several processes may share a file: writers take SQLite's write lock first, and nothing is
held while a webhook is delivered. A file is in WAL mode with ``synchronous=FULL``: what was
answered survives a kill.
"""

from __future__ import annotations

import sqlite3
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from stripe_emulator.core import ids
from stripe_emulator.core.database.schema import SCHEMA, Row
from stripe_emulator.core.database.settings import get_setting
from stripe_emulator.core.database.transactions import NO_REQUEST, Origin, Transaction, entered
from stripe_emulator.core.errors import Unavailable

#: How many rows wait in memory at most.
MOST_UNWRITTEN = 1000

#: Where time stands in a world that can be repeated: 1 January 2026.
STILL = 1_767_225_600

#: The id of the account where there is but one.
ACCOUNT = "acct_1StripeEmulator0"


class UnfitFile(ValueError):
    """No data can be kept in this file."""


def _connect(path: str | Path | None) -> sqlite3.Connection:
    """
    :raises UnfitFile: No data can be kept there.
    """
    try:
        connection = sqlite3.connect(
            path or ":memory:", timeout=30, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA journal_mode = WAL")
    except sqlite3.DatabaseError as error:
        cure = "Name a file of an emulator's, or a new one in a folder that is there."
        raise UnfitFile(f"{path}: {error}. {cure}") from error
    return connection


class Store:
    """The file, and the one connection to it. Safe to use from many threads.

    :param path: A file, made when missing; ``None`` keeps everything in memory.
    :param base_url: Where the emulator's own pages are reached, without a slash at the end.
    :param account: The id of the account whose objects these are.
    """

    def __init__(
        self,
        path: str | Path | None = None,
        *,
        base_url: str = "http://127.0.0.1:12111",
        account: str = ACCOUNT,
    ) -> None:
        self.base_url = base_url
        self.account = account
        self.path = None if path is None else Path(path)
        #: States in memory, by their names; see ``saved``.
        self.saved: dict[str, bytes] = {}
        #: What transactions read and the next may use, until somebody writes it: see ``remember``.
        self.remembered: dict[str, Any] = {}
        #: Rows of committed objects in memory, not yet in the database: see ``transaction``.
        self.unwritten: dict[tuple[str, str], Row] = {}
        self._data_version = 0
        self._offset = 0
        #: The newest requests that are in no table yet; see ``api.request_log``.
        self.unlogged: deque[Any] = deque()
        #: Where ids come from, and the moment at which the world stands still, if all is to be repeatable.
        self.random: Random | None = None
        self.still: int | None = None
        #: Called after a commit that left something to deliver, or moved the clock.
        self.on_commit: list[Callable[[], None]] = []
        self._lock = threading.RLock()
        self._closed = False
        self._connection = _connect(path)
        weakref.finalize(self, self._connection.close)  # also of a store that is dropped and not closed
        self._connection.execute("PRAGMA synchronous = FULL")
        # A year of renewals touches more pages than SQLite would hold (2 MB) or leave in its log (4 MB).
        self._connection.execute("PRAGMA cache_size = -32000")
        self._connection.execute("PRAGMA wal_autocheckpoint = 8000")
        self._connection.executescript(f"BEGIN IMMEDIATE; {SCHEMA} COMMIT;")

    def repeat(self, seed: int | str) -> None:
        """From now on draw the same ids for the same calls, and have time go by only when it is moved."""
        self.random = Random(seed)
        self.still = STILL

    def wall(self) -> int:
        """Unix time outside, to which the clock's offset is added."""
        return int(time.time()) if self.still is None else self.still

    def moment(self) -> int:
        """Unix time at Stripe, by the clock as the last transaction left it."""
        return self.wall() + self._offset

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """The connection itself, while nobody else works on it.

        :raises Unavailable: The store was closed.
        """
        with self._lock:
            if self._closed:
                raise Unavailable("The emulator is shutting down.")
            if self.unwritten:
                with self.transaction():
                    pass
            try:
                yield self._connection
            finally:
                self.remembered.clear()

    def close(self) -> None:
        """Wait for the work that is under way, then let go of the file; later work is refused."""
        with self._lock:
            self._closed = True
            self._connection.close()

    @contextmanager
    def transaction(
        self,
        *,
        write: bool = True,
        durable: bool = True,
        lazy: bool = False,
        now: int | None = None,
        origin: Origin = NO_REQUEST,
    ) -> Iterator[Transaction]:
        """All of the block, or nothing; it sees one moment of the clock.

        :param durable: Wait until it is on the disk; without, a crash of the machine may lose it.
        :param lazy: Objects in memory may wait for the next transaction that looks for some by SQL: most
            requests don't. The block calls ``flush`` before it does.
        :param now: Date the block by this Unix time instead of the clock's.
        :raises Unavailable: The store was closed.
        """
        with self._lock:
            if self._closed:
                raise Unavailable("The emulator is shutting down.")
            hurries = not durable and self.path is not None
            if hurries:
                self._connection.execute("PRAGMA synchronous = NORMAL")
            transaction = Transaction(self, self._connection, 0, origin)
            transaction.begin = "BEGIN IMMEDIATE" if write else "BEGIN"
            if self.path is not None:
                transaction.begin_now()
                self._forget_what_others_wrote()
            try:
                with entered(transaction), ids.drawn_from(self.random):
                    if not lazy:
                        transaction.flush()
                    transaction.now = now if now is not None else self.wall() + get_setting("offset", 0)
                    yield transaction
                    self._keep(transaction, lazy=lazy)
                    self._offset = get_setting("offset", 0)
                transaction.end("COMMIT")
            except BaseException:
                transaction.end("ROLLBACK")
                self.remembered.clear()
                self.unwritten = transaction.taken | self.unwritten
                raise
            finally:
                if hurries:
                    self._connection.execute("PRAGMA synchronous = FULL")
        if transaction.wakes:
            for wake in self.on_commit:
                wake()

    def _keep(self, transaction: Transaction, *, lazy: bool) -> None:
        """Write what a transaction saved, or keep it in memory for the next that looks for it."""
        if self.path is not None or not lazy or len(self.unwritten) > MOST_UNWRITTEN:
            transaction.flush()
            return
        transaction.encode()
        self.unwritten |= transaction.encoded

    def _forget_what_others_wrote(self) -> None:
        """Other processes may share the file; SQLite's mark is another one once one of them has committed."""
        (mark,) = self._connection.execute("PRAGMA data_version").fetchone()
        if mark != self._data_version:
            self._data_version = mark
            self.remembered.clear()
