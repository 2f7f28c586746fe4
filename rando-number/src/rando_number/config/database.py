"""Where the database is, how long it is waited for, and whether a pooler stands in front of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .values import flag, number

#: How long a process that serves waits for an answer of the database where no setting says it, in seconds.
ANSWER_S = 4

#: How long is waited for a connection to the database, in seconds; for each host, if its URL names several.
CONNECT_S = 3

#: Connections that a process keeps, and has at most: more than all its threads together.
KEPT_CONNECTIONS = 20
CONNECTIONS = 48


def settings(environ: Mapping[str, str], data: Path) -> dict[str, Any]:
    """The database's URL, and the options of its engine."""
    url = environ.get("DATABASE_URL") or ""
    answer_s = number(environ, "RANDO_DATABASE_TIMEOUT", ANSWER_S, min=1, max=60)
    pooled = flag(environ, "RANDO_DATABASE_POOLER", False)
    return {
        "DATABASE_TIMEOUT_S": answer_s,
        "SQLALCHEMY_DATABASE_URI": database_url(url, data),
        "SQLALCHEMY_ENGINE_OPTIONS": engine_options(url, answer_s, pooled=pooled),
    }


def database_url(url: str | None, data: Path) -> str:
    """SQLite in the data folder, or the database named, by the driver that we install."""
    if not url:
        return f"sqlite:///{data / 'rando.sqlite3'}"
    for prefix in ("postgres://", "postgresql://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    return url


def engine_options(url: str, answer_s: int, *, pooled: bool) -> dict[str, Any]:
    """More connections than threads that answer, and nothing that is waited for longer than a few seconds.

    :param pooled: A pooler gives each transaction another connection: nothing is prepared on one, and nothing
        set for longer than a transaction. Let the database's user have ``lock_timeout`` there.
    """
    options: dict[str, Any] = {
        "hide_parameters": True,  # of a statement that failed: the log is no place for addresses and secrets
        "pool_size": KEPT_CONNECTIONS,
        "max_overflow": CONNECTIONS - KEPT_CONNECTIONS,
        "pool_timeout": answer_s,
    }
    if "postgres" not in url.partition(":")[0]:
        return options
    # A peer that is gone without a word is noticed in half a minute, not in two hours.
    alive = {"keepalives_idle": 15, "keepalives_interval": 5, "keepalives_count": 3}
    options["connect_args"] = {"connect_timeout": CONNECT_S, **alive}
    if pooled:
        options["connect_args"]["prepare_threshold"] = None
    elif "options=" not in url:
        options["connect_args"]["options"] = f"-c lock_timeout={answer_s}s"
    return options
