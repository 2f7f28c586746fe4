"""Transactions that wait for each other."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from ..errors import Busy


def take_turns(session: Session, *names: str) -> None:
    """Have transactions that give the same name wait for each other, until each ends.

    On SQLite a transaction has its turn from its first write on, and this does nothing.

    :param names: What is counted, and whose: ``prepaid_code:user:1``.
    """
    if session.get_bind().dialect.name == "postgresql":
        for name in sorted(names):  # in one order, so that two never wait for each other
            session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": name})


#: How long a write waits for another one, before the caller is told to come again.
LOCK_TIMEOUT_S = 4

_writers: WeakKeyDictionary[Engine, threading.Lock] = WeakKeyDictionary()


def begin_turns(engine: Engine) -> bool:
    """Have this process's writers on an SQLite file take turns; whether they did not before."""
    is_new = engine not in _writers
    if is_new:
        _writers[engine] = threading.Lock()
    return is_new


@contextmanager
def write_turn(engine: Engine) -> Iterator[None]:
    """This process's turn to write to an SQLite file.

    :raises Busy: The others took too long.
    """
    lock = _writers[engine]
    if not lock.acquire(timeout=LOCK_TIMEOUT_S):
        raise Busy("The database is busy. Nothing was moved; try again.")
    try:
        yield
    finally:
        lock.release()
