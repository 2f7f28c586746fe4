"""Where finished spends go: a file of SQLite, or another database, with tables that are named as the books'.

Whatever reads the books' rows reads these, too. No rule of the books stands on them, and no name of an
owner: a wallet is a number here. Which books they have left, the first wallet of those says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from sqlalchemy import Column, Engine, Enum, MetaData, SmallInteger, String, Table, inspect, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from ..database.addresses import address_of
from ..database.rows import with_keys
from ..database.types import BigInt, UtcDateTime
from ..database.upsert import insert
from ..tables import Draw, Entry, Hold, HoldExtension, Wallet

#: Rows of one table, each by its columns' names.
Rows: TypeAlias = list[dict[str, Any]]

#: What of a wallet leaves, by its table.
Leaving: TypeAlias = Mapping[type[Any], Rows]

MODELS: tuple[type[Any], ...] = (Entry, Hold, HoldExtension, Draw)

#: Entries that are read at a time.
READ = 1_000

METADATA = MetaData()


for _model in MODELS:  # the columns of a table of the books, and its key
    _columns = (
        Column(
            column.name,
            String(16) if isinstance(column.type, Enum) else column.type,
            primary_key=column.primary_key,
            autoincrement=False,
            nullable=column.nullable,
        )
        for column in _model.__table__.columns
    )
    Table(_model.__tablename__, METADATA, *_columns, sqlite_with_rowid=False)

#: Whose archive it is: the first wallet of its books, which stays there for good.
BOOKS = Table(
    "prepaid_archive_of",
    METADATA,
    Column("id", BigInt, primary_key=True, autoincrement=False),
    Column("slot", SmallInteger, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)


class Archive:
    """One archive. What was kept there once is never changed.

    :param engine: A file of SQLite, or PostgreSQL; not the books.
    :raises ValueError: It is none of these.
    """

    def __init__(self, engine: Engine, books: Engine) -> None:
        if not isinstance(engine, Engine) or engine.dialect.name not in ("sqlite", "postgresql"):
            other = address_of(engine.url) if isinstance(engine, Engine) else f"a {type(engine).__name__}"
            raise ValueError(
                f"An archive is an engine of a file of SQLite, or of PostgreSQL, not {other:.80}"
            )
        self.engine = engine
        self.books = books
        with self._answering():
            if engine.url == books.url or _has_wallets(engine):
                raise ValueError(
                    "An archive is a database of its own: this one has wallets in it. Name a new file, such "
                    "as archive-2025.sqlite3."
                )

    def make(self) -> None:
        """Make its tables, where they are missing, and note whose archive it is.

        :raises ValueError: It is the archive of other books, or can't be written to.
        """
        first = self._first_wallet()
        with self._answering():
            METADATA.create_all(self.engine)
            if first is not None:
                with self.engine.begin() as connection:
                    connection.execute(insert(self.engine, BOOKS).values(first).on_conflict_do_nothing())
        self._check_books(first)

    def check_made(self) -> None:
        """:raises ValueError: Nothing of these books was archived there: a name may be mistyped."""
        file = self.engine.url.database if self.engine.dialect.name == "sqlite" else None
        # SQLite would make an empty file of a name that was mistyped.
        is_there = not file or Path(file).exists()
        with self._answering():
            if not is_there or not inspect(self.engine).has_table(BOOKS.name):
                raise ValueError(
                    f"Nothing was archived in {self._shown}. Name what archive was told to move to."
                )
        self._check_books(self._first_wallet())

    def _first_wallet(self) -> dict[str, Any] | None:
        wallet = select(Wallet.id, Wallet.slot, Wallet.created_at).order_by(Wallet.id).limit(1)
        with self.books.connect() as connection:
            row = connection.execute(wallet).mappings().one_or_none()
        return dict(row) if row is not None else None

    def _check_books(self, first: dict[str, Any] | None) -> None:
        """:raises ValueError: It is the archive of other books, whose wallets have the same numbers."""
        with self._answering(), self.engine.connect() as connection:
            noted = [dict(row) for row in connection.execute(select(BOOKS)).mappings()]
        if noted and noted != [first]:
            raise ValueError(
                f"{self._shown} is the archive of other books, which began at "
                f"{noted[0]['created_at']:%Y-%m-%d %H:%M:%S} UTC. Name the one of these, or a new file."
            )

    @property
    def _shown(self) -> str:
        return address_of(self.engine.url)

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """:raises ValueError: The archive's database does not do it, and not that of the books."""
        try:
            yield
        except (DBAPIError, LookupError) as error:
            why = str(error.orig if isinstance(error, DBAPIError) else error).partition("\n")[0]
            raise ValueError(
                f"The archive {self._shown} cannot be used: {why}. Is it there, may this user write to it, "
                "and is there room on its disk?"
            ) from error

    def keep(self, leaving: Sequence[Leaving]) -> None:
        """Keep these rows, and commit. Those that are there already stay as they are."""
        with self._answering(), self.engine.begin() as connection:
            for model in MODELS:
                rows = [row for each in leaving for row in each[model]]
                if rows:
                    new = insert(self.engine, model.__table__)
                    connection.execute(new.on_conflict_do_nothing(), rows)

    def entries(self, wallet_id: int, slot: int) -> Iterator[Entry]:
        """The entries of one wallet, the oldest first.

        :raises ValueError: The archive's database does not read on.
        """
        its = select(Entry).where(Entry.wallet_id == wallet_id, Entry.slot == slot).order_by(Entry.seq)
        its = its.execution_options(yield_per=READ)
        with self._answering(), Session(self.engine) as session, session.scalars(its) as rows:
            yield from rows

    def lacks(self, leaving: Sequence[Leaving]) -> set[int]:
        """The wallets of which it has not each of these rows as it is, read back on a new connection."""
        lacking = set[int]()
        self.engine.dispose()
        with self._answering(), Session(self.engine) as session:
            for model in MODELS:
                table, rows = model.__table__, [row for each in leaving for row in each[model]]
                if not rows:
                    continue
                there = session.execute(select(table).where(with_keys(session, model, rows))).mappings()
                kept = {_key(table, row): row for row in map(dict, there)}
                lacking |= {row["wallet_id"] for row in rows if kept.get(_key(table, row)) != row}
        return lacking


def _has_wallets(engine: Engine) -> bool:
    file = engine.url.database if engine.dialect.name == "sqlite" else None
    if file and not Path(file).exists():
        return False
    return inspect(engine).has_table("prepaid_wallet")


def _key(table: Table, row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[column.name] for column in table.primary_key.columns)
