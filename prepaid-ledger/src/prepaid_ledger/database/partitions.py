"""Tables in partitions: whether PostgreSQL keeps them so, in how many, and who may ask for it."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, text

from ..errors import UnfitDatabase
from ..slots import SLOTS

#: The table that tells: all of the ledger's are kept alike.
SHOWN_BY = "prepaid_entry"


def partitions_of(connection: Connection) -> int:
    """In how many partitions the ledger's tables lie; 0 where each is in one piece."""
    if connection.dialect.name != "postgresql":
        return 0
    parts = text("SELECT count(*) FROM pg_inherits WHERE inhparent = to_regclass(:table)")
    return int(connection.scalar(parts, {"table": SHOWN_BY}) or 0)


def check_partitions(engine: Engine, partitions: int | None) -> None:
    """Refuse a number that tables can't be parted by, before anything is changed.

    :raises ValueError: It is no power of two from 2 to 256.
    :raises UnfitDatabase: The database is SQLite.
    """
    if partitions is None:
        return
    if not isinstance(partitions, int) or partitions not in [2**n for n in range(1, SLOTS.bit_length())]:
        raise ValueError(f"partitions is a power of two from 2 to {SLOTS}, such as 32; not {partitions!r}")
    if engine.dialect.name != "postgresql":
        raise UnfitDatabase(
            "Partitions are PostgreSQL's: SQLite keeps each table in one piece. Leave partitions out, or "
            "upgrade a database of PostgreSQL."
        )


def check_as_they_stand(connection: Connection, partitions: int | None) -> None:
    """Refuse to part tables that stand otherwise already.

    :raises UnfitDatabase: They are in one piece, or in another number of partitions.
    """
    stand_in = partitions_of(connection)
    if partitions in (None, stand_in):
        return
    now = f"in {stand_in} partitions" if stand_in else "in one piece each"
    raise UnfitDatabase(
        f"The ledger's tables stand already, {now}, and PostgreSQL parts no table that stands. Upgrade "
        f"a new, empty database with partitions={partitions}, and carry the books there: flask prepaid copy "
        "--to URL does it for all of flask_prepaid's tables."
    )
