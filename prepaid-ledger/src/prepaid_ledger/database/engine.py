"""What we ask of the host's engine: every commit is durable, and SQLite's writers take turns."""

from __future__ import annotations

import re
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import URL, Engine, ExceptionContext, event, exc
from sqlalchemy.orm import Session, scoped_session

from ..errors import Busy, UnfitDatabase

#: How long a write waits for another one, before the caller is told to come again.
LOCK_TIMEOUT_S = 4

#: The longest that an answer can be waited for.
MAX_ANSWER_S = 3600

#: What SQLite says of a table or a column that is not there, and PostgreSQL's letters for it.
LACKS = re.compile("^no such (table|column): |has no column named ")
LACK_STATES = {"42P01", "42703"}

_writers: WeakKeyDictionary[Engine, threading.Lock] = WeakKeyDictionary()


def prepare(engine: Engine) -> None:
    """Make every commit of this engine durable.

    On SQLite each connection gets ``journal_mode=WAL`` and ``synchronous=FULL``: with
    ``NORMAL`` a power cut loses money that was acknowledged.

    :raises UnfitDatabase: The database is not PostgreSQL or an SQLite file, the file does not open or cannot
        do it, or it is no engine, or an awaited one.
    """
    if isinstance(engine, str | URL):
        raise UnfitDatabase("A ledger takes an engine, not its address: write Ledger(create_engine(...)).")
    if isinstance(engine, Session | scoped_session):
        raise UnfitDatabase(
            "A ledger takes an engine of create_engine(), not a session. In your session's transaction: "
            "Ledger(engine).on(session)."
        )
    if not isinstance(engine, Engine) or engine.dialect.is_async:
        raise UnfitDatabase(
            f"A ledger takes an engine of create_engine(), not {engine!r}. AsyncLedger awaits it for you. In "
            "a transaction of your AsyncSession: await session.run_sync(lambda s: ledger.on(s).spend(...))."
        )
    if _commits_each_statement(engine):
        raise UnfitDatabase(
            "This engine commits each statement by itself, and so half of a spend. Take isolation_level="
            '"AUTOCOMMIT" out of its options.'
        )
    if not event.contains(engine, "handle_error", _say_the_cure):
        event.listen(engine, "handle_error", _say_the_cure)
    if engine.dialect.name == "postgresql":
        return
    if engine.dialect.name != "sqlite":
        raise UnfitDatabase(f"Prepaid runs on PostgreSQL and SQLite, not on {engine.dialect.name}.")
    if engine not in _writers:
        _writers[engine] = threading.Lock()
        event.listen(engine, "connect", _make_durable)
        engine.dispose()  # connections made before this have other settings
    try:
        with engine.connect():
            pass
    except exc.DBAPIError as error:
        raise UnfitDatabase(str(error)) from error


def _say_the_cure(context: ExceptionContext) -> None:
    """Say of a database that does not open, of tables that are not there, and of a file that is read-only,
    what to do, in place of the SQL."""
    error, cause = context.sqlalchemy_exception, context.original_exception
    is_ours = "prepaid_" in f"{context.statement} {cause}"
    if error is None:
        return
    if context.engine is None or context.connection is None:
        sentence = (
            f"The database does not open: {str(cause).splitlines()[0]}. {_way_in(context.dialect.name)}"
        )
    elif is_ours and (LACKS.search(str(cause)) or getattr(cause, "sqlstate", None) in LACK_STATES):
        sentence = tables_lack(str(cause).splitlines()[0])
    elif is_ours and "readonly database" in str(cause):
        sentence = "This process may not write the database. Let its user write the file and its folder."
    else:
        return
    error.args, error.statement, error.params, error.code = (sentence,), None, None, None


def _way_in(dialect: str) -> str:
    if dialect == "sqlite":
        return "Does its folder exist, and may this process write there?"
    return "Is the server up, and are address, user and password right?"


def tables_lack(what: str) -> str:
    """That tables of ours are not there, or lack something, and how they are made."""
    return (
        f"The tables are not there, or are not of this version ({what}). Run once: flask prepaid upgrade; "
        "without Flask: ledger.upgrade()."
    )


def _commits_each_statement(engine: Engine) -> bool:
    on_connect = getattr(engine.dialect, "_on_connect_isolation_level", None)
    return "AUTOCOMMIT" in (engine.get_execution_options().get("isolation_level"), on_connect)


def _make_durable(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {LOCK_TIMEOUT_S * 1000}")
    mode = _in_wal(cursor)
    cursor.execute("PRAGMA synchronous = FULL")
    synchronous = cursor.execute("PRAGMA synchronous").fetchone()[0]
    cursor.close()
    if mode != "wal" or synchronous != 2:
        raise UnfitDatabase(
            f"This SQLite database cannot keep money safe (journal_mode is {mode!r}, and must be 'wal'). "
            "Use a file on a local disk that this process may write, or PostgreSQL."
        )


def _in_wal(cursor: sqlite3.Cursor) -> str:
    """Keep a log beside the database from now on; the mode that SQLite is in then.

    Two who open a new file at once refuse each other: SQLite does not wait for the lock of this one change.
    """
    until_s = time.monotonic() + LOCK_TIMEOUT_S
    while True:
        try:
            return str(cursor.execute("PRAGMA journal_mode = WAL").fetchone()[0])
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until_s:
                raise
            time.sleep(0.01)


def answer_within(engine: Engine, seconds: float) -> None:
    """Let nothing that this process asks of PostgreSQL wait longer than ``seconds`` for an answer.

    For a process that serves: where the server stands still, its callers get ``Busy`` or a SQLAlchemy
    ``OperationalError`` in time, and for a second after that nobody waits. Statements end in the server after
    ``seconds``, too. Not for commands, whose statements may take long. On SQLite it changes nothing, for
    nothing there waits longer than ``LOCK_TIMEOUT_S``.

    :raises UnfitDatabase: The engine has another driver than psycopg.
    :raises ValueError: It is no number of seconds.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds <= MAX_ANSWER_S:
        raise ValueError(f"seconds is a number above 0, at most {MAX_ANSWER_S}, not {seconds!r:.80}")
    if engine.dialect.name == "sqlite":
        return
    if engine.driver != "psycopg":
        raise UnfitDatabase(
            f"A limit to how long is waited for an answer needs psycopg, not {engine.driver}. "
            "Write postgresql+psycopg://..."
        )
    from .deadlines import watch  # it needs psycopg, which a host on SQLite may lack

    watch(engine, seconds)


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
