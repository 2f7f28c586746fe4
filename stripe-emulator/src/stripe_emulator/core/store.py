"""Every object by its id, in one SQLite file (or in memory).

A request, and each thing that falls due, runs in one ``Store.transaction()``: all of it is
kept, or nothing. Inside, the functions at the end of this file act on that transaction:

    customer = store.get("customer", customer_id)     # 404 as Stripe words it
    customer["email"] = "jo@example.com"
    store.save(customer)

Objects are plain dicts, just as they go out. A key that begins with an underscore is the
emulator's own (a card's number, say) and never leaves. One transaction holds one dict per
object, so two reads of it see each other's changes; what is saved is written at its end.

Several processes may share a file: writers take SQLite's write lock first, and nothing is
held while a webhook is delivered. A file is in WAL mode with ``synchronous=FULL``: what was
answered survives a kill.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from stripe_emulator.core import ids
from stripe_emulator.core.conditions import Among, conditions
from stripe_emulator.core.errors import InvalidRequest, NotFound, Unavailable, no_such
from stripe_emulator.core.schema import ANSWER, BODY, INSERT, INSERT_ANSWER, SCHEMA, Row, row_of
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import parse

T = TypeVar("T")

#: How many rows wait in memory at most.
MOST_UNWRITTEN = 1000

#: Where time stands in a world that can be repeated: 1 January 2026.
STILL = 1_767_225_600

#: The id of the account where there is but one.
ACCOUNT = "acct_1StripeEmulator0"


@dataclass(frozen=True)
class Origin:
    """The API request that a transaction serves; empty where time itself acts.

    ``caller`` is the key that it came with, as it may be repeated.
    """

    request_id: str | None = None
    idempotency_key: str | None = None
    caller: str = ""


@dataclass
class Transaction:
    """One piece of work on the store, dated by one moment."""

    store: Store
    connection: sqlite3.Connection
    now: int
    origin: Origin
    objects: dict[tuple[str, str], Json] = field(default_factory=dict)
    memo: dict[str, Any] = field(default_factory=dict)
    #: Something was added that a background worker should look at.
    wakes: bool = False
    unsaved: dict[tuple[str, str], None] = field(default_factory=dict)
    #: Rows that are to be written, each once: the newest of an object.
    encoded: dict[tuple[str, str], Row] = field(default_factory=dict)
    #: Rows of earlier transactions that this one wrote; they are still to be written if it is undone.
    taken: dict[tuple[str, str], Row] = field(default_factory=dict)
    #: The statement that begins it at the database, until that is done.
    begin: str = ""

    def execute(self, sql: str, parameters: tuple[Any, ...] = ()) -> sqlite3.Cursor:
        """Run SQL. Objects that were saved in this transaction are there after ``flush``."""
        if self.begin:
            self.begin_now()
        return self.connection.execute(sql, parameters)

    def executemany(self, sql: str, rows: list[tuple[Any, ...]]) -> None:
        """Run SQL for each row."""
        if self.begin:
            self.begin_now()
        self.connection.executemany(sql, rows)

    def begin_now(self) -> None:
        """Begin at the database: in memory, where nobody else can come between, only once it is asked."""
        self.connection.execute(self.begin)
        self.begin = ""

    def end(self, how: str) -> None:
        """COMMIT or ROLLBACK at the database, where it was begun there."""
        if not self.begin:
            self.connection.execute(how)

    def flush(self) -> None:
        """Write what is saved but still only here, or in the rows that earlier transactions left."""
        self.encode()
        rows = self.encoded
        if self.store.unwritten:
            self.taken |= self.store.unwritten
            rows = self.store.unwritten | rows
            self.store.unwritten = {}
        if rows:
            self.executemany(INSERT, [row for row in rows.values() if row[0] != ANSWER])
            if answers := [row[1:] for row in rows.values() if row[0] == ANSWER]:
                self.executemany(INSERT_ANSWER, answers)
                self.store.remembered.pop(ANSWER, None)
            self.encoded = {}

    def flush_for(self, kind: str, where: Json) -> None:
        """Write what such a query may find: an object that changes several times is best written once."""
        waiting = (self.unsaved, self.encoded, self.store.unwritten)
        waits = any(key[0] == kind for keys in waiting for key in keys)
        if waits or any(isinstance(wanted, Among) for wanted in where.values()):
            self.flush()

    def encode(self) -> None:
        """Make rows of what is saved, to be written later."""
        for key in self.unsaved:
            self.encoded[key] = row_of(key[0], self.objects[key])
        self.unsaved.clear()

    def forget(self) -> None:
        """Forget what was read and what was to be written: the database went back to an earlier moment."""
        self.objects.clear()
        self.unsaved.clear()
        self.encoded.clear()
        self.store.remembered.clear()

    def load(self, kind: str, row: tuple[str, str]) -> Json:
        """The one dict that stands for this row in this transaction."""
        object_id, body = row
        known = self.objects.get((kind, object_id))
        if known is None:
            known = self.objects[kind, object_id] = parse(body)
        return known


_current: ContextVar[Transaction] = ContextVar("stripe_emulator_transaction")


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
        self._connection = sqlite3.connect(
            path or ":memory:", timeout=30, isolation_level=None, check_same_thread=False
        )
        weakref.finalize(self, self._connection.close)  # also of a store that is dropped and not closed
        self._connection.execute("PRAGMA journal_mode = WAL")
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
        origin: Origin = Origin(),
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
            assert _current.get(None) is None, "a transaction inside a transaction"
            hurries = not durable and self.path is not None
            if hurries:
                self._connection.execute("PRAGMA synchronous = NORMAL")
            transaction = Transaction(self, self._connection, 0, origin)
            transaction.begin = "BEGIN IMMEDIATE" if write else "BEGIN"
            if self.path is not None:
                transaction.begin_now()
                self._forget_what_others_wrote()
            mark = _current.set(transaction)
            try:
                if not lazy:
                    transaction.flush()
                transaction.now = now if now is not None else self.wall() + get_setting("offset", 0)
                with ids.drawn_from(self.random):
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
                _current.reset(mark)
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


def current() -> Transaction:
    """The transaction that this code runs in."""
    return _current.get()


def get(kind: str, object_id: str, *, param: str = "id") -> Json:
    """The object that the URL names.

    :raises NotFound: 404, ``No such customer: 'cus_x'``.
    """
    known = find(kind, object_id)
    if known is None:
        raise NotFound(no_such(kind, object_id), code="resource_missing", param=param)
    return known


def named(kind: str, object_id: str, param: str) -> Json:
    """The object that a parameter names; one that is gone counts as missing.

    :raises InvalidRequest: 400, with ``param`` as the form spells it: ``line_items[0][price]``.
    """
    known = find(kind, object_id)
    if known is None or known.get("deleted"):
        raise InvalidRequest(no_such(kind, object_id), code="resource_missing", param=param)
    return known


def find(kind: str, object_id: str) -> Json | None:
    """The object, or None."""
    transaction = current()
    known = transaction.objects.get((kind, object_id))
    if known is not None or not object_id or kind not in _kinds():
        return known
    key = (kind, object_id)
    waiting = transaction.encoded.get(key) or transaction.store.unwritten.get(key)
    if waiting is not None:
        return transaction.load(kind, (object_id, waiting[BODY]))
    row = transaction.execute(
        "SELECT id, body FROM object WHERE id = ? AND kind = ?", (object_id, kind)
    ).fetchone()
    return None if row is None else transaction.load(kind, row)


def find_any(object_id: str) -> Json | None:
    """The object of whatever kind that has this id."""
    current().flush()
    row = current().execute("SELECT kind, id, body FROM object WHERE id = ?", (object_id,)).fetchone()
    return None if row is None else current().load(row[0], row[1:])


def save(value: Json) -> Json:
    """Keep an object, new or changed. Its ``object`` and ``id`` say which one it is."""
    transaction = current()
    key = (value["object"], value["id"])
    known = transaction.objects.setdefault(key, value)
    assert known is value, "two dicts for one object; save the one that the store gave you"
    transaction.unsaved[key] = None
    transaction.store.remembered.pop(key[0], None)
    _kinds().add(key[0])
    return value


def keep_answer(key: str, *columns: Any) -> None:
    """Keep the answer to an idempotency key. It waits as objects do.

    :param columns: Those of the table after the key.
    """
    current().encoded[ANSWER, key] = (ANSWER, key, *columns)


def find_answer(key: str) -> Row | None:
    """The answer to an idempotency key, as ``keep_answer`` took its columns; None if there is none."""
    transaction = current()
    if (waiting := transaction.store.unwritten.get((ANSWER, key))) is not None:
        return waiting[2:]
    if not remember(ANSWER, lambda: transaction.execute("SELECT 1 FROM answer LIMIT 1").fetchone()):
        return None
    sql = "SELECT fingerprint, status, body, request, created FROM answer WHERE key = ?"
    row: Row | None = transaction.execute(sql, (key,)).fetchone()
    return row


def append(value: Json) -> None:
    """Keep an object that is never changed, as it is at this moment."""
    current().encoded[value["object"], value["id"]] = row_of(value["object"], value)
    _kinds().add(value["object"])


def _kinds() -> set[str]:
    """The kinds of which there are objects, or were: few, and nothing is looked for of any other."""
    return remember("kinds", _read_kinds)


def _read_kinds() -> set[str]:
    transaction = current()
    waiting = {kind for kind, _ in (*transaction.store.unwritten, *transaction.encoded)}
    rows = transaction.execute(  # from one kind to the next: a DISTINCT would read all of the index
        "WITH RECURSIVE known (kind) AS (SELECT min(kind) FROM object UNION ALL"
        " SELECT (SELECT min(kind) FROM object WHERE kind > known.kind) FROM known WHERE kind NOT NULL)"
        " SELECT kind FROM known"
    )
    return waiting | {kind for kind, _ in transaction.unsaved} | {kind for (kind,) in rows if kind}


def remove(value: Json) -> None:
    """Forget an object wholly. To leave a ``deleted: true`` behind, see ``objects.delete``."""
    key = (value["object"], value["id"])
    current().flush()
    current().execute("DELETE FROM object WHERE kind = ? AND id = ?", key)
    current().objects.pop(key, None)
    current().store.remembered.pop(key[0], None)


def select(kind: str, where: Json | None = None, *, limit: int = -1) -> list[Json]:
    """Objects of a kind, oldest first, whose fields have these values.

    :param where: Dotted path -> value; a list means any of them, and ``{"gte": 5}`` a range.
    """
    if kind not in _kinds():
        return []
    condition, values = conditions(where or {})
    sql = (
        f"SELECT id, body FROM object WHERE kind = ? AND NOT deleted{condition} ORDER BY created, seq LIMIT ?"
    )
    current().flush_for(kind, where or {})
    rows = current().execute(sql, (kind, *values, limit)).fetchall()
    return [current().load(kind, row) for row in rows]


def all_of(kind: str) -> list[Json]:
    """Every object of a kind, oldest first, to look at: they are remembered, and nobody may change them."""
    return remember(kind, lambda: select(kind))


def remember(name: str, read: Callable[[], T]) -> T:
    """What ``read`` returned when it was last called under this name; nobody may change it.

    Whoever writes what it reads drops the name from ``Store.remembered``. All is forgotten once
    work is undone, and once another process has written to the file.
    """
    remembered = current().store.remembered
    if name not in remembered:
        remembered[name] = read()
    known: T = remembered[name]
    return known


def get_setting(name: str, default: Any = None) -> Any:
    """What ``put_setting`` kept under this name."""
    text = remember("settings", _settings).get(name)
    return default if text is None else json.loads(text)


def _settings() -> dict[str, str]:
    return dict(current().execute("SELECT name, value FROM setting").fetchall())


def clear(*, keep_settings: tuple[str, ...] = ()) -> None:
    """Forget everything but the settings named."""
    transaction = current()
    transaction.forget()
    transaction.store.unlogged.clear()
    for table in ("object", "due", "delivery", "attempt", "attempt_sent", "answer", "request"):
        transaction.execute(f"DELETE FROM {table}")
    marks = ", ".join("?" * len(keep_settings))
    transaction.execute(f"DELETE FROM setting WHERE name NOT IN ({marks})", keep_settings)


def put_setting(name: str, value: Any) -> None:
    """Keep a small JSON value; processes that share the file share it."""
    text = json.dumps(value)
    remembered = current().store.remembered
    if "settings" in remembered:
        remembered["settings"] = {**remembered["settings"], name: text}
    current().execute(
        "INSERT INTO setting VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (name, text),
    )
