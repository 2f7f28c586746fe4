"""Where finished spends go: a file of SQLite, or another database, with tables that are named as the books'.

Whatever reads the books' rows reads these, too. No rule of the books stands on them, and no name of an
owner: a wallet is a number here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from sqlalchemy import Column, Engine, Enum, MetaData, String, Table, inspect, select
from sqlalchemy.orm import Session

from ..database.rows import Stretch, Stretches
from ..database.upsert import insert
from ..tables import Draw, Entry, Hold, HoldExtension

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


class Archive:
    """One archive. What was kept there once is never changed.

    :param engine: A file of SQLite, or PostgreSQL; not the books.
    :raises ValueError: It is none of these.
    """

    def __init__(self, engine: Engine, books: Engine) -> None:
        if not isinstance(engine, Engine) or engine.dialect.name not in ("sqlite", "postgresql"):
            raise ValueError(
                f"An archive is an engine of a file of SQLite, or of PostgreSQL, not {engine!r:.80}"
            )
        if engine.url == books.url or _has_wallets(engine):
            raise ValueError(
                "An archive is a database of its own: this one has wallets in it. Name a new file, such as "
                "archive-2025.sqlite3."
            )
        self.engine = engine

    def make(self) -> None:
        """Make its tables, where they are missing."""
        METADATA.create_all(self.engine)

    def check_made(self) -> None:
        """:raises ValueError: Nothing was archived there: a name may be mistyped."""
        file = self.engine.url.database if self.engine.dialect.name == "sqlite" else None
        # SQLite would make an empty file of a name that was mistyped.
        if (file and not Path(file).exists()) or not inspect(self.engine).has_table(Entry.__tablename__):
            shown = self.engine.url.render_as_string()
            raise ValueError(f"Nothing was archived in {shown}. Name what archive was told to move to.")

    def keep(self, leaving: Sequence[Leaving]) -> None:
        """Keep these rows, and commit. Those that are there already stay as they are."""
        with self.engine.begin() as connection:
            for model in MODELS:
                rows = [row for each in leaving for row in each[model]]
                if rows:
                    new = insert(self.engine, model.__table__)
                    connection.execute(new.on_conflict_do_nothing(), rows)

    def entries(self, wallet_id: int, slot: int) -> Iterator[Entry]:
        """The entries of one wallet, the oldest first."""
        its = select(Entry).where(Entry.wallet_id == wallet_id, Entry.slot == slot).order_by(Entry.seq)
        with Session(self.engine) as session:
            yield from session.scalars(its.execution_options(yield_per=READ))

    def lacks(self, leaving: Sequence[tuple[Stretch, Leaving]]) -> set[int]:
        """The wallets of which it has not each of these rows as it is, read back on a new connection."""
        lacking = set[int]()
        self.engine.dispose()
        with Session(self.engine) as session:
            stretches = Stretches(session, [stretch for stretch, _ in leaving])
            for model in MODELS:
                table = model.__table__
                there = session.execute(select(table).where(stretches.within(model, model.seq))).mappings()
                kept = {_key(table, row): row for row in map(dict, there)}
                for stretch, each in leaving:
                    if any(kept.get(_key(table, row)) != row for row in each[model]):
                        lacking.add(stretch.wallet_id)
        return lacking


def _has_wallets(engine: Engine) -> bool:
    file = engine.url.database if engine.dialect.name == "sqlite" else None
    if file and not Path(file).exists():
        return False
    return inspect(engine).has_table("prepaid_wallet")


def _key(table: Table, row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[column.name] for column in table.primary_key.columns)
