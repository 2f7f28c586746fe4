"""Transactions of our own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy import Engine, TextClause, exc, text
from sqlalchemy.orm import Session

from .busy import RETRYABLE, raising_busy, sqlstate
from .turns import LOCK_TIMEOUT_S, write_turn

Result = TypeVar("Result")

#: How often a transaction is tried that PostgreSQL undoes, or whose COMMIT is not answered.
TRIES = 5


def commit_alone(
    engine: Engine, write: Callable[[Session], Result], *, within_s: float | None = None
) -> Result:
    """Run ``write`` in its own transaction, again where PostgreSQL asks for it or a COMMIT's answer is lost.

    Repeating is safe: every posting is keyed.

    :param within_s: No statement may take longer, for a caller who waits.
    :raises Busy: The database did not get to it. What came of it, the same key tells.
    """
    with raising_busy():
        for _ in range(TRIES - 1):
            try:
                with own_transaction(engine, within_s) as session:
                    return write(session)
            except exc.DBAPIError as error:
                if not (sqlstate(error) in RETRYABLE or error.connection_invalidated):
                    raise
        with own_transaction(engine, within_s) as session:
            return write(session)


@contextmanager
def own_transaction(engine: Engine, within_s: float | None = None) -> Iterator[Session]:
    """A transaction on a connection of its own, committed at the end.

    On SQLite the writers of one process queue in it, first come first served, rather
    than in SQLite's busy handler, which sleeps and may starve one of many.
    """
    if engine.dialect.name == "sqlite":
        with write_turn(engine), Session(engine, expire_on_commit=False) as session, session.begin():
            yield session
    else:
        own = engine.execution_options(isolation_level="READ COMMITTED")
        with Session(own, expire_on_commit=False) as session, session.begin():
            session.execute(limits(within_s))
            yield session


def limits(within_s: float | None = None) -> TextClause:
    """Let no lock be waited for too long in this transaction, on PostgreSQL, and no statement take longer.

    A lock's limit is none for a statement: a row that others change again and again is waited for anew each
    time.
    """
    locks = f"set_config('lock_timeout', '{LOCK_TIMEOUT_S}s', true)"
    if within_s is None:
        return text(f"SELECT {locks}")
    return text(f"SELECT {locks}, set_config('statement_timeout', {statements_within(within_s)}, true)")


def statements_within(seconds: float) -> str:
    """SQL of how long a statement may take: so long, or as long as before where that is less."""
    before = "extract(epoch FROM CAST(current_setting('statement_timeout') AS interval)) * 1000"
    milliseconds = f"least(nullif({before}, 0), {max(1, round(seconds * 1000))})"
    return f"CAST(CAST({milliseconds} AS integer) AS text)"


def is_writing(session: Session) -> bool:
    """Whether the session holds SQLite's write lock."""
    if not session.in_transaction():
        return False
    driver = session.connection().connection.driver_connection  # of an AsyncSession, too
    return driver is not None and driver.in_transaction
