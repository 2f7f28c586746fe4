"""Whether a caller's session leads to the database that the ledger is in."""

from __future__ import annotations

from pathlib import Path
from weakref import WeakSet

from sqlalchemy import URL, Connection, Engine, Update, text, update
from sqlalchemy.orm import Session

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

    A session is asked each time where it leads to, as it may choose anew. A database is asked once for each
    engine.

    :param engine: The ledger's.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        #: The engines that are known to reach the ledger's database.
        self._reach_it = WeakSet((engine,))

    def refuse_elsewhere(self, session: Session) -> None:
        """Refuse a session whose changes, or whose reads after them, go to another database.

        :raises UnfitDatabase: They do. Nothing was written.
        """
        # The change is first: a session that reads from a replica until it writes leads to one database then.
        self._refuse(session, "writes to", CHANGE)
        self._refuse(session, "reads from", None)

    def _refuse(self, session: Session, does: str, clause: Update | None) -> None:
        bind = session.get_bind(mapper=Wallet.__mapper__, clause=clause)
        if bind.engine in self._reach_it:
            return
        if not self._is_same(session, bind):
            raise UnfitDatabase(
                f"This session {does} {_address(bind.engine)}, and the ledger is in "
                f"{_address(self._engine)}: what you write and what a verb reads and writes would not be one "
                "transaction. Bind the session to the ledger's engine, or make another Ledger of the "
                "session's."
            )
        self._reach_it.add(bind.engine)

    def _is_same(self, session: Session, bind: Engine | Connection) -> bool:
        """Whether what a session is bound to reaches the ledger's database.

        Addresses that differ may lead to one database, by a pooler or a link: both sides are asked then.
        """
        engine = bind.engine
        if engine.url.database and _address(engine) == _address(self._engine):
            return True
        if engine.dialect.name != self._engine.dialect.name:
            return False
        with self._engine.connect() as connection:
            ledgers = _identity(connection)
        return _identity(session.connection(bind_arguments={"bind": bind})) == ledgers


def _identity(connection: Connection) -> object:
    """What tells a database from all others."""
    if connection.dialect.name == "sqlite":
        files = connection.execute(text("PRAGMA database_list")).all()
        return next(Path(file).resolve() for _number, name, file in files if name == "main")
    return tuple(connection.execute(IDENTITY, {"table": Wallet.__tablename__}).one())


def _address(engine: Engine) -> URL:
    """Where the database is, without who asks and how."""
    return engine.url.set(drivername=engine.dialect.name, username=None, password=None)
