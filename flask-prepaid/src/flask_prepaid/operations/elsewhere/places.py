"""A database outside of the books, for what must not go back, or be changed, with them: marks and proofs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, inspect, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from prepaid_ledger.database import answer_within

from ... import files
from ...context import Context
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


def out_of_reach(context: Context) -> Iterator[str]:
    """A sentence for each place that the settings name and where nothing can be kept, or read."""
    for name, what, place in (
        ("PREPAID_MARKS", "Marks", context.config.marks),
        ("PREPAID_PROOFS", "Proofs", context.config.proofs),
    ):
        if place:
            try:
                with opened(place, context.engine, f"{name}: {what}") as engine:
                    yield from _unanswered(name, engine)
            except ConfigError as wrong:
                yield str(wrong)
    standby = context.ledger.setup.standby
    if standby is not None:
        yield from _unanswered("PREPAID_STANDBY", standby)


def _unanswered(name: str, engine: Engine) -> Iterator[str]:
    if engine.dialect.name == "sqlite" and not Path(engine.url.database or "").exists():
        return  # the first that is kept makes it
    try:
        inspect(engine).get_table_names()
    except DBAPIError as error:
        why = str(error.orig).partition("\n")[0].rstrip(".")
        yield f"What {name} names does not answer: {why}. Is it there, and may this process open it?"


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
        return _bounded(files.place(what, place))
    except ModuleNotFoundError as missing:
        raise ConfigError(
            f"{what} cannot be kept there: the database's driver {missing.name} is not installed. Write "
            'postgresql+psycopg://... and run: pip install "flask-prepaid[postgresql]"'
        ) from missing


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
