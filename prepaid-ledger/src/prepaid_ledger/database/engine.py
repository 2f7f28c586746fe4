"""What we ask of the host's database: durable commits, and a clear word when it is busy."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, TextClause, event, exc, text
from sqlalchemy.orm import Session

from ..errors import Busy, UnfitDatabase

Result = TypeVar("Result")

#: How long a write waits for another one, before the caller is told to come again.
PATIENCE_S = 5

#: A deadlock, or a snapshot overtaken: PostgreSQL undid one of two, and asks for a repeat.
OVERTAKEN = {"40001", "40P01"}

#: Lock or statement timeout, too many connections, out of disk or memory, shutting down, read-only standby.
TOO_BUSY = {"55P03", "57014", "53100", "53200", "53300", "57P01", "57P02", "57P03", "25006"}

_writers: WeakKeyDictionary[Engine, threading.Lock] = WeakKeyDictionary()


def prepare(engine: Engine) -> None:
    """Make every commit of this engine durable.

    On SQLite each connection gets ``journal_mode=WAL`` and ``synchronous=FULL``: with
    ``NORMAL`` a power cut loses money that was acknowledged.

    :raises UnfitDatabase: The database is not PostgreSQL or an SQLite file, or the file cannot do it.
    """
    if engine.dialect.name == "postgresql":
        return
    if engine.dialect.name != "sqlite":
        raise UnfitDatabase(f"Prepaid runs on PostgreSQL and SQLite, not on {engine.dialect.name}.")
    if engine not in _writers:
        _writers[engine] = threading.Lock()
        event.listen(engine, "connect", _make_durable)
        engine.dispose()  # connections made before this have other settings
    with engine.connect():
        pass


def _make_durable(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {PATIENCE_S * 1000}")
    mode = cursor.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    cursor.execute("PRAGMA synchronous = FULL")
    synchronous = cursor.execute("PRAGMA synchronous").fetchone()[0]
    cursor.close()
    if mode != "wal" or synchronous != 2:
        raise UnfitDatabase(
            f"This SQLite database cannot keep money safe (journal_mode is {mode!r}, and must be 'wal'). "
            "Use a file on a local disk that this process may write, or PostgreSQL."
        )


@contextmanager
def own_transaction(engine: Engine) -> Iterator[Session]:
    """A transaction on a connection of its own, committed at the end.

    On SQLite the writers of one process queue in it, first come first served, rather
    than in SQLite's busy handler, which sleeps and may starve one of many.
    """
    if engine.dialect.name == "sqlite":
        with turn(engine), Session(engine, expire_on_commit=False) as session, session.begin():
            yield session
    else:
        own = engine.execution_options(isolation_level="READ COMMITTED")
        with Session(own, expire_on_commit=False) as session, session.begin():
            session.execute(limited_patience())
            yield session


def limited_patience() -> TextClause:
    """Let no lock be waited for too long in this transaction, on PostgreSQL."""
    return text(f"SET LOCAL lock_timeout = '{PATIENCE_S}s'")


@contextmanager
def turn(engine: Engine) -> Iterator[None]:
    """This process's turn to write to an SQLite file.

    :raises Busy: The others took too long.
    """
    lock = _writers[engine]
    if not lock.acquire(timeout=PATIENCE_S):
        raise Busy("The database is busy. Nothing was moved; try again.")
    try:
        yield
    finally:
        lock.release()


def is_writing(session: Session) -> bool:
    """Whether the session holds SQLite's write lock."""
    if not session.in_transaction():
        return False
    driver = session.connection().connection.dbapi_connection
    return driver is not None and driver.in_transaction


def commit_alone(engine: Engine, write: Callable[[Session], Result], *, tries: int = 5) -> Result:
    """Run ``write`` in its own transaction, again where PostgreSQL asks for it or a COMMIT's answer is lost.

    Repeating is safe: every posting is keyed.

    :raises Busy: The database did not get to it. What came of it, the same key tells.
    """
    with answering():
        for _ in range(tries - 1):
            try:
                with own_transaction(engine) as session:
                    return write(session)
            except exc.DBAPIError as error:
                if not (sqlstate(error) in OVERTAKEN or error.connection_invalidated):
                    raise
        with own_transaction(engine) as session:
            return write(session)


@contextmanager
def answering() -> Iterator[None]:
    """Turn "no answer in time" into ``Busy``. A deadlock is left as it is, for the caller to repeat."""
    try:
        yield
    except exc.TimeoutError as error:  # no connection was free in the pool
        raise Busy("The database has no free connection. Nothing was moved; try again.") from error
    except exc.DBAPIError as error:
        if is_busy(error):
            raise Busy("The database is busy. Try again with the same key.") from error
        raise


def is_busy(error: exc.DBAPIError) -> bool:
    if getattr(error.orig, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return True
    if isinstance(error, exc.OperationalError) and error.connection_invalidated:
        return True
    state = sqlstate(error)
    if state is None:  # psycopg gives none when it could not connect at all
        return isinstance(error, exc.OperationalError) and error.orig.__class__.__module__.startswith(
            "psycopg"
        )
    return state in TOO_BUSY or state.startswith("08")


def sqlstate(error: exc.DBAPIError) -> str | None:
    """PostgreSQL's five letters for what went wrong."""
    return getattr(error.orig, "sqlstate", None)
