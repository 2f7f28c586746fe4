"""What we ask of the host's engine: every commit is durable, and answers come in time."""

from __future__ import annotations

import sqlite3
import time
from typing import Any

from sqlalchemy import URL, Connection, Engine, event, exc
from sqlalchemy.orm import Session, scoped_session

from ..errors import UnfitDatabase
from .addresses import address_of
from .cures import say_the_cure
from .turns import LOCK_TIMEOUT_S, begin_turns

#: The longest that an answer can be waited for.
MAX_ANSWER_S = 3600


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
        other = f"an awaited one of {address_of(engine.url)}" if isinstance(engine, Engine) else repr(engine)
        raise UnfitDatabase(
            f"A ledger takes an engine of create_engine(), not {other}. AsyncLedger awaits it for you. In "
            "a transaction of your AsyncSession: await session.run_sync(lambda s: ledger.on(s).spend(...))."
        )
    if commits_each_statement(engine):
        raise UnfitDatabase(
            "This engine commits each statement by itself, and so half of a spend. Take isolation_level="
            '"AUTOCOMMIT" out of its options.'
        )
    if not event.contains(engine, "handle_error", say_the_cure):
        event.listen(engine, "handle_error", say_the_cure)
    if engine.dialect.name == "postgresql":
        return
    if engine.dialect.name != "sqlite":
        raise UnfitDatabase(f"Prepaid runs on PostgreSQL and SQLite, not on {engine.dialect.name}.")
    if begin_turns(engine):
        event.listen(engine, "connect", _make_durable)
        event.listen(engine, "savepoint", _begin_before)
        engine.dispose()  # connections made before this have other settings
    try:
        with engine.connect():
            pass
    except exc.DBAPIError as error:
        raise UnfitDatabase(str(error)) from error


def commits_each_statement(reached: Engine | Connection) -> bool:
    """Whether an engine, or a connection, was made so that nothing of it can be rolled back."""
    on_connect = getattr(reached.dialect, "_on_connect_isolation_level", None)
    return "AUTOCOMMIT" in (reached.get_execution_options().get("isolation_level"), on_connect)


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


def _begin_before(connection: Connection, _name: str) -> None:
    """Begin a transaction before a SAVEPOINT that would be its first statement: releasing it would commit.

    Python's driver begins one before an INSERT or an UPDATE alone.
    """
    driver = connection.connection.driver_connection
    if driver is not None and not driver.in_transaction:
        connection.exec_driver_sql("BEGIN")


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
