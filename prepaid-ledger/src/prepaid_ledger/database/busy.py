"""What tells a database that is busy, or away, from a mistake."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc

from ..errors import Busy

#: A deadlock, or a snapshot overtaken: PostgreSQL undid one of two, and asks for a repeat.
RETRYABLE = {"40001", "40P01"}

#: Lock or statement timeout, too many connections, out of disk or memory, shutting down, read-only standby.
TOO_BUSY = {"55P03", "57014", "53100", "53200", "53300", "57P01", "57P02", "57P03", "25006"}


@contextmanager
def raising_busy() -> Iterator[None]:
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
    """Whether the database did not get to it, for whatever reason that passes."""
    if getattr(error.orig, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return True
    if isinstance(error, exc.OperationalError) and error.connection_invalidated:
        return True
    state = sqlstate(error)
    if state is None:  # psycopg gives none when it could not connect at all
        kinds = type(error.orig).__mro__
        by_psycopg = any(kind.__module__.startswith("psycopg") for kind in kinds)
        return isinstance(error, exc.OperationalError) and by_psycopg
    return state in TOO_BUSY or state.startswith("08")


def sqlstate(error: exc.DBAPIError) -> str | None:
    """PostgreSQL's five letters for what went wrong."""
    return getattr(error.orig, "sqlstate", None)
