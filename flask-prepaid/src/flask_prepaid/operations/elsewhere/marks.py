"""Marks outside of the books: each wallet's latest entry, kept where losing the database does not lose them.

Books that went back, by a failover to a node that lagged or by an old backup, add up: no audit of theirs can
see what is gone. Whoever kept its name elsewhere can: rule I18 is that each marked entry is in the books.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import (
    Column,
    Engine,
    MetaData,
    Select,
    String,
    Table,
    func,
    inspect,
    select,
    tuple_,
)
from sqlalchemy.exc import DBAPIError

from prepaid_ledger import Problem, clock
from prepaid_ledger.database import BigInt, UtcDateTime, address_of, insert, url_of
from prepaid_ledger.slots import slot_of
from prepaid_ledger.tables import ArchiveMark, Entry, Wallet

from ...errors import ConfigError
from .places import opened

log = logging.getLogger(__name__)

#: Wallets that are kept, or compared, at a time.
AT_ONCE = 1_000

#: A transaction that was open when the last marks were kept may have an entry so much older than theirs.
OVERLAP = timedelta(minutes=5)

METADATA = MetaData()

#: A table of its own, in a database that is not the books'.
MARKS = Table(
    "prepaid_mark",
    METADATA,
    Column("wallet_id", BigInt, primary_key=True, autoincrement=False),
    Column("owner", String(64), nullable=False),
    Column("seq", BigInt, nullable=False),
    Column("key", String(128), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("moved_at", UtcDateTime, nullable=False, index=True),
)


class Mark(NamedTuple):
    """A wallet's latest entry: its ``seq``, its ``key`` and when it was written."""

    wallet_id: int
    owner: str
    seq: int
    key: str
    at: Any


def keep(books: Engine, place: str) -> int:
    """Keep the latest entry of each wallet that moved since the last time; of how many.

    The mark of a wallet that went back stays as it is, whatever was sold since: ``compare`` finds it.

    :param place: A file, or SQLAlchemy's URL of another database than the books'.
    :raises ConfigError: It is none, or the books themselves.
    :raises DBAPIError: One of the two does not answer. The next time goes on from here.
    """
    count, gone = 0, 0
    with opened(place, books, "Marks") as marks:
        METADATA.create_all(marks)
        with marks.connect() as connection:
            # A wallet whose time is ahead, by a clock that was off, says nothing of when the others moved.
            passed = MARKS.c.moved_at <= clock.wall()
            latest = connection.scalar(select(func.max(MARKS.c.moved_at)).where(passed))
        for rows in _moved(books, None if latest is None else latest - OVERLAP):
            with marks.connect() as connection:
                ids = [row.wallet_id for row in rows]
                before = connection.execute(_marks().where(MARKS.c.wallet_id.in_(ids)))
                went_back = {mark.wallet_id for mark, _ in _gone(books, [Mark(*row) for row in before])}
            _write(marks, [row._asdict() for row in rows if row.wallet_id not in went_back])
            count += len(rows)
            gone += len(went_back)
    if gone:
        log.error(
            "The books went back: %s what was marked. This names them: flask prepaid audit --against %s",
            "1 wallet lacks" if gone == 1 else f"{gone} wallets lack",
            _shown(place),
        )
    return count


def _write(marks: Engine, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    new = insert(marks, MARKS)
    higher = new.on_conflict_do_update(
        index_elements=["wallet_id"],
        set_={name: new.excluded[name] for name in ("owner", "seq", "key", "at", "moved_at")},
        where=MARKS.c.seq <= new.excluded.seq,  # two ticks at once: the later one has won
    )
    with marks.begin() as connection:
        connection.execute(higher, rows)


def keep_or_warn(books: Engine, place: str) -> bool:
    """Keep marks, and say whether; where their place does not answer, that is logged."""
    try:
        keep(books, place)
    except (ConfigError, DBAPIError) as error:
        why = str(getattr(error, "orig", None) or error).partition("\n")[0]
        log.warning("The marks of the books were not kept: %s. PREPAID_MARKS says where they are kept.", why)
        return False
    return True


def compare(books: Engine, place: str) -> Iterator[Problem]:
    """A line for each wallet whose marked entry is not in the books: they went back before it.

    :raises ConfigError: No marks are kept there.
    """
    with opened(place, books, "Marks") as marks:
        file = marks.url.database if marks.dialect.name == "sqlite" else None
        # SQLite would make an empty file of a name that was mistyped.
        if (file and not Path(file).exists()) or not inspect(marks).has_table(MARKS.name):
            raise ConfigError(
                f"No marks are kept in {_shown(place)}. PREPAID_MARKS says where `tick` keeps them."
            )
        after = 0
        while batch := _batch(marks, after):
            after = batch[-1].wallet_id
            for mark, stands_at in _gone(books, batch):
                yield _problem(mark, stands_at)


def _shown(place: str) -> str:
    """The place without a password."""
    return address_of(url_of(place)) if "://" in place else place


def _marks() -> Select[Any]:
    return select(*(MARKS.c[name] for name in Mark._fields))


def _batch(marks: Engine, after: int) -> list[Mark]:
    wanted = _marks().where(MARKS.c.wallet_id > after).order_by(MARKS.c.wallet_id).limit(AT_ONCE)
    with marks.connect() as connection:
        return [Mark(*row) for row in connection.execute(wanted)]


def _gone(books: Engine, marks: list[Mark]) -> list[tuple[Mark, int | None]]:
    """The marks whose entries are not in the books, and where each wallet stands; ``None``: it is not there.

    One that may lie in the archive is not gone: the audit proves it there. The books are read after the
    marks: sales go on, and only add to them.
    """
    keys = [(mark.wallet_id, slot_of(mark.owner), mark.seq) for mark in marks]
    entries = (
        select(Entry.wallet_id, Entry.seq, Entry.key, Wallet.owner)
        .join(Wallet, Entry.of(Wallet))
        .where(tuple_(Entry.wallet_id, Entry.slot, Entry.seq).in_(keys))
    )
    ids = [mark.wallet_id for mark in marks]
    wallets = select(Wallet.id, Wallet.seq).where(Wallet.id.in_(ids))
    archives = select(ArchiveMark.wallet_id, ArchiveMark.seq).where(ArchiveMark.wallet_id.in_(ids))
    with books.connect() as connection:
        there = {row.wallet_id: (row.owner, row.seq, row.key) for row in connection.execute(entries)}
        stand_at: dict[int, int] = {row.id: row.seq for row in connection.execute(wallets)}
        archived: dict[int, int] = {row.wallet_id: row.seq for row in connection.execute(archives)}
    return [
        (mark, stand_at.get(mark.wallet_id))
        for mark in marks
        if there.get(mark.wallet_id) != (mark.owner, mark.seq, mark.key)
        and mark.seq > archived.get(mark.wallet_id, 0)
    ]


def _problem(mark: Mark, stands_at: int | None) -> Problem:
    now = "the wallet is not there" if stands_at is None else f"the wallet stands at {stands_at}"
    written = f"{mark.at:%Y-%m-%d %H:%M:%S} UTC"
    return Problem(
        "I18", mark.owner, f"the books went back: entry {mark.seq} ({mark.key!r}, {written}) is gone; {now}"
    )


def _moved(books: Engine, since: Any) -> Iterator[Sequence[Any]]:
    """The latest entries of the wallets that moved since then, some at a time."""
    latest = select(func.max(Entry.seq)).where(Entry.of(Wallet)).correlate(Wallet)
    wanted = (
        select(Wallet.id.label("wallet_id"), Wallet.owner, Entry.seq, Entry.key, Entry.at, Wallet.moved_at)
        .join(Entry, Entry.of(Wallet) & (Entry.seq == latest.scalar_subquery()))
        .order_by(Wallet.id)
        .limit(AT_ONCE)
    )
    if since is not None:
        wanted = wanted.where(Wallet.moved_at >= since)
    after = 0
    while True:
        with books.connect() as connection:
            rows = connection.execute(wanted.where(Wallet.id > after)).all()
        if not rows:
            return
        yield rows
        after = rows[-1].wallet_id
