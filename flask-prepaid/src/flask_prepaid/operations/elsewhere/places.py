"""A database outside of the books, for what must not go back, or be changed, with them: marks and proofs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, make_url, text
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.pool import NullPool

from prepaid_ledger.database import answer_within

from ...errors import ConfigError

#: How long its server is waited for, in seconds: for a connection, and for each answer.
ANSWER_S = 10


@contextmanager
def opened(place: str, books: Engine, what: str) -> Iterator[Engine]:
    """An engine on a file, or on another database than the books, for as long as the block lasts.

    :param what: What is kept there, as a sentence begins with it.
    :raises ConfigError: The place is none, or the books themselves.
    """
    engine = _engine(place, what)
    try:
        if are_one_database(engine, books):
            raise ConfigError(
                f"{what} that are kept in the books go back with them. Name a file, or another database."
            )
        yield engine
    finally:
        engine.dispose()


def are_one_database(engine: Engine, other: Engine) -> bool:
    """Whether two engines lead to one database, in whatever way their URLs name it.

    :raises DBAPIError: One of two servers of PostgreSQL does not answer.
    """
    if engine.dialect.name != other.dialect.name:
        return False
    return engine.url == other.url or _identity(engine) == _identity(other)


def _identity(engine: Engine) -> tuple[Any, ...]:
    """What no other database has: a file's whole path; a name, and when its server was started."""
    if engine.dialect.name == "sqlite":
        return (Path(engine.url.database or "").resolve(),)
    with engine.connect() as connection:
        return tuple(connection.execute(text("SELECT current_database(), pg_postmaster_start_time()")).one())


def _engine(place: str, what: str) -> Engine:
    try:
        url = make_url(place if "://" in place else f"sqlite:///{place}")
        if url.get_backend_name() not in ("sqlite", "postgresql"):
            raise ConfigError(
                f"{what} are kept in a file, or on PostgreSQL, not on {url.get_backend_name()}."
            )
        if url.get_backend_name() == "sqlite" and (url.database or ":memory:").startswith(":memory:"):
            raise ConfigError(f"{what} that are kept in memory are gone at once. Name a file.")
        if url.get_backend_name() == "sqlite":
            Path(url.database or "").exists()  # a name that is too long for a file is no name
        return _bounded(url)
    except OSError as wrong:
        raise ConfigError(f"{what} cannot be kept there: {wrong.strerror}. Name another file.") from wrong
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as wrong:
        raise ConfigError(
            f"{what} cannot be kept there ({wrong}). Name a file, or write "
            "postgresql+psycopg://user@host/database."
        ) from wrong


def _bounded(url: URL) -> Engine:
    """An engine that waits for no server for long: one that stands still must not stop the tick."""
    if url.get_backend_name() == "sqlite":
        return create_engine(url, poolclass=NullPool)
    bounds = {"connect_timeout": ANSWER_S, "tcp_user_timeout": ANSWER_S * 1_000}
    given = {name: value for name, value in bounds.items() if name not in url.query}
    engine = create_engine(url, poolclass=NullPool, connect_args=given)
    if engine.driver == "psycopg":
        answer_within(engine, ANSWER_S)
    return engine
