"""Whether a caller's session leads to the database that the ledger is in."""

from __future__ import annotations

from pathlib import Path
from weakref import WeakSet

from sqlalchemy import Connection, Engine, Pool, Update, text, update
from sqlalchemy.orm import Session

from ..database.addresses import address_of
from ..database.engine import commits_each_statement
from ..errors import UnfitDatabase
from ..tables import Wallet

#: What tells one database of PostgreSQL from all others: when its server started, and its number there. The
#: table's number is that of its schema, too. All three are the same through each pooler and by each address.
IDENTITY = text(
    "SELECT pg_postmaster_start_time(), oid, to_regclass(:table)::oid "
    "FROM pg_database WHERE datname = current_database()"
)

#: What a verb that writes begins with.
CHANGE = update(Wallet)


class SessionCheck:
    """Refuses a caller's session where what a verb writes would go to another database than the ledger's.

    A session is asked each time where it leads to, as it may choose anew, and another schema, too. A database
    is asked once for each pool of connections: a ``SET search_path`` of a session's own is not seen.

    :param engine: The ledger's.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        #: The pools that are known to reach the ledger's database. ``engine.execution_options()`` makes
        #: another engine each time, with the same pool.
        self._reach_it: WeakSet[Pool] = WeakSet()

    def refuse_elsewhere(self, session: Session) -> None:
        """Refuse a session whose changes, or whose reads after them, go to another database.

        :raises UnfitDatabase: They do, or each is committed by itself. Nothing was written.
        """
        # The change is first: a session that reads from a replica until it writes leads to one database then.
        self._refuse(session, "writes to", CHANGE)
        self._refuse(session, "reads from", None)

    def _refuse(self, session: Session, does: str, clause: Update | None) -> None:
        bind = session.get_bind(mapper=Wallet.__mapper__, clause=clause)
        pool = bind.engine.pool
        if pool is not self._engine.pool and pool not in self._reach_it:
            if not self._is_same(session, bind):
                raise UnfitDatabase(
                    f"This session {does} {self._other(bind.engine)}: what you write and what a verb reads "
                    "and writes would not be one transaction. Bind the session to the ledger's engine, or "
                    "make another Ledger of the session's."
                )
            self._reach_it.add(pool)
        connection = session.connection(bind_arguments={"bind": bind})
        if commits_each_statement(connection):
            raise UnfitDatabase(
                "This session commits each statement by itself, and so half of a spend. Take isolation_level="
                '"AUTOCOMMIT" out of the options of its engine or connection.'
            )
        default = connection.dialect.default_schema_name
        sessions, ledgers = _schema(connection) or default, _schema(self._engine) or default
        if sessions != ledgers:
            raise UnfitDatabase(
                f"This session {does} the schema {sessions!r}, and the ledger is in {ledgers!r}: it would be "
                "another ledger's wallets that a verb changes. Take schema_translate_map out of the "
                "session's options, or make another Ledger of an engine that has it."
            )

    def _is_same(self, session: Session, bind: Engine | Connection) -> bool:
        """Whether what a session is bound to reaches the ledger's database.

        Addresses that differ may lead to one database, by a pooler or a link. One address may lead to two
        schemas of PostgreSQL, by what else an engine connects with. So both sides are asked.
        """
        engine = bind.engine
        if engine.dialect.name != self._engine.dialect.name:
            return False
        if engine.dialect.name == "sqlite" and engine.url == self._engine.url:
            return True
        with self._engine.connect() as connection:
            ledgers = _identity(connection)
        return _identity(session.connection(bind_arguments={"bind": bind})) == ledgers

    def _other(self, engine: Engine) -> str:
        """Where an engine leads to that is not where the ledger is, in words."""
        there, here = address_of(engine.url), address_of(self._engine.url)
        if there == here:
            return f"another schema of {here} than the ledger's, or another server behind that address"
        return f"{there}, and the ledger is in {here}"


def _schema(reached: Engine | Connection) -> str | None:
    """The schema that the options of an engine or a connection name for the ledger's tables."""
    names = reached.get_execution_options().get("schema_translate_map") or {}
    own = Wallet.metadata.schema
    return names.get(own, own)


def _identity(connection: Connection) -> object:
    """What tells a database from all others."""
    if connection.dialect.name == "sqlite":
        files = connection.execute(text("PRAGMA database_list")).all()
        return next(Path(file).resolve() for _number, name, file in files if name == "main")
    return tuple(connection.execute(IDENTITY, {"table": Wallet.__tablename__}).one())
