"""One piece of work on the store: its moment, what it has read, and what it is to write."""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from stripe_emulator.core.database.conditions import Among
from stripe_emulator.core.database.schema import ANSWER, INSERT, INSERT_ANSWER, Row, row_of
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import parse

T = TypeVar("T")


@dataclass(frozen=True)
class Origin:
    """The API request that a transaction serves; empty where time itself acts.

    ``caller`` is the key that it came with, as it may be repeated.
    """

    request_id: str | None = None
    idempotency_key: str | None = None
    caller: str = ""


#: Where no request is served.
NO_REQUEST = Origin()


class Storage(Protocol):
    """What a transaction has of the store that it works on: see ``storage.Store``."""

    base_url: str
    account: str
    unwritten: dict[tuple[str, str], Row]
    remembered: dict[str, Any]
    unlogged: deque[Any]

    def wall(self) -> int: ...


@dataclass
class Transaction:
    """One piece of work on the store, dated by one moment."""

    store: Storage
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


@contextmanager
def entered(transaction: Transaction) -> Iterator[None]:
    """Have the code of the block run in a transaction."""
    assert _current.get(None) is None, "a transaction inside a transaction"
    mark = _current.set(transaction)
    try:
        yield
    finally:
        _current.reset(mark)


def current() -> Transaction:
    """The transaction that this code runs in."""
    return _current.get()


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
