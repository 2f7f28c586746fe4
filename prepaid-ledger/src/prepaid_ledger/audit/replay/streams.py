"""Every table of the ledger, read once, wallet by wallet, however long it is; with the archive beside it.

A row that lies in the books and in the archive, as one does whose removal was cut short, is read once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from hashlib import blake2b
from heapq import merge
from math import floor
from typing import Any, Generic, NamedTuple, TypeVar

from sqlalchemy import Connection, Executable, Select, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from ...books.lots.lot_store import CLOSED, ENTRY, EXTENDED, LOT, OPENED
from ...books.lots.lots import Closed, EntryRow, Extended, LotState, Opened, Part
from ...books.usage_sums import QUARTER
from ...database.addresses import address_of
from ...tables import ArchiveMark, Draw, Entry, Hold, HoldExtension, Lot, Wallet
from ..scope.problem import Problem
from ..scope.proofs import Proof
from ..scope.scope import Which, kept_for_a_scope
from ..scope.snapshots import fetch

#: The columns of an entry that play no part in the books, as those of ``EntryRow`` do.
DETAILS = (
    Entry.tax_minor,
    Entry.currency,
    Entry.claimed,
    Entry.reason,
    Entry.spender,
    Entry.item,
    Entry.quantity,
    Entry.price_version,
)

#: Where two of them stand. Columns are compared by their names: that of two columns is an expression of SQL.
SPENDER, ITEM = ([column.key for column in DETAILS].index(name) for name in ("spender", "item"))

#: An entry as its digest has it.
as_json = json.JSONEncoder(sort_keys=True, default=datetime.isoformat).encode

#: The names of all of them, in this order.
SEALED = tuple(column.key for column in (*ENTRY, *DETAILS))

Item = TypeVar("Item")


class Account(NamedTuple):
    """A wallet's row, as the tables have it."""

    id: int
    slot: int
    owner: str
    balance: int
    held: int
    debt: int
    seq: int
    drawn_seq: int
    next_expiry_at: datetime | None
    moved_at: datetime


#: A sum of usage: its wallet, quarter of an hour, spender and item.
Cell = tuple[int, int, str, str]


class SealedRow(EntryRow):
    """An entry with all that it says; what plays no part in the books stands in ``details``.

    ``is_archived`` says that it was read from the archive, and is in the books no more.
    """

    details: Sequence[Any]
    is_archived = False

    def cell(self, wallet_id: int) -> Cell:
        """The sum of usage that it is counted in."""
        spender, item = self.details[SPENDER], self.details[ITEM]
        return wallet_id, floor(self.at.timestamp() / QUARTER), spender or "", item or ""


def entry_row(row: Sequence[Any]) -> SealedRow:
    sealed = SealedRow._make(row[: len(ENTRY)])
    sealed.details = tuple(row[len(ENTRY) :])
    return sealed


def sealed(digest: str, entry: SealedRow) -> str:
    """The digest of some entries and the one after them: BLAKE2b, 16 bytes, as hexadecimal digits.

    It is over the digest before it and the entry as JSON, its columns by their names but for empty ones. The
    marks of the archive keep it for good: a column that is added to the tables changes none of them.
    """
    values = zip(SEALED, (*entry, *entry.details), strict=True)
    row = {name: value for name, value in values if value is not None}
    return blake2b(f"{digest}{as_json(row)}".encode(), digest_size=16).hexdigest()


def archived_row(row: Sequence[Any]) -> SealedRow:
    sealed = entry_row(row)
    sealed.is_archived = True
    return sealed


class StoredDraw(NamedTuple):
    seq: int
    part: Part


class MarkRow(NamedTuple):
    """A mark of the archive, as the tables have it."""

    wallet_id: int
    slot: int
    seq: int
    at: datetime
    balance: int
    spends: int
    credits: int
    digest: str
    kept_digest: str
    state: str

    @property
    def proof(self) -> Proof:
        """The mark as a proof: what was moved to the archive was proved first."""
        return Proof(self.wallet_id, self.slot, self.seq, self.digest, "", self.state)


class Stream(Generic[Item]):
    """The rows of one table in the order of wallets, read ahead by one."""

    def __init__(self, rows: Iterator[tuple[int, Item]]) -> None:
        self._rows = rows
        self.head = next(rows, None)

    def of(self, wallet_id: int) -> Iterator[Item]:
        """The next rows, as long as they are this wallet's."""
        while self.head is not None and self.head[0] == wallet_id:
            yield self.head[1]
            self.head = next(self._rows, None)

    def upto(self, wallet_id: int, seq: int) -> Iterator[Any]:
        """The next rows, as long as they are this wallet's and come no later."""
        while self.head is not None and self.head[0] == wallet_id and _seq(self.head[1]) <= seq:
            yield self.head[1]
            self.head = next(self._rows, None)

    def before(self, wallet_id: int | None) -> Iterator[int]:
        """The wallets of the next rows that belong to none from ``wallet_id`` on; they are skipped."""
        while self.head is not None and (wallet_id is None or self.head[0] < wallet_id):
            yield self.head[0]
            self.head = next(self._rows, None)


class Tables:
    """Every table of the ledger, read once, for some of the wallets.

    :param archives: Where finished spends lie that left the books.
    """

    def __init__(self, connection: Connection, which: Which, archives: Sequence[Connection] = ()) -> None:
        self.session = Session(connection)
        self.accounts = accounts(connection, which)
        self.archives = archives
        rows, books, everywhere = _rows(which), [connection], [connection, *archives]
        self.entries = stream(everywhere, rows.entries, entry_row, archived_row)
        self.opened = stream(everywhere, rows.opened, Opened._make)
        self.extended = stream(everywhere, rows.extended, Extended._make)
        self.closed = stream(everywhere, rows.closed, Closed._make)
        self.draws = stream(everywhere, rows.draws, lambda row: StoredDraw(row[0], Part(row[1], row[2])))
        self.lots = stream(books, rows.lots, lambda row: LotState(*row))
        self.marks = Stream((mark.wallet_id, mark) for mark in marks(connection, which))

    def strays(self, before: int | None) -> Iterator[Problem]:
        """Rows whose wallet is not there."""
        for name in ("entries", "opened", "extended", "closed", "draws", "lots", "marks"):
            rows: Stream[Any] = getattr(self, name)
            for wallet_id in rows.before(before):
                yield Problem("I1", None, f"{name}: a row of wallet {wallet_id}, which does not exist")


class Rows(NamedTuple):
    """What asks for the rows of each table, wallet by wallet."""

    entries: Select[*tuple[Any, ...]]
    opened: Select[*tuple[Any, ...]]
    extended: Select[*tuple[Any, ...]]
    closed: Select[*tuple[Any, ...]]
    draws: Select[*tuple[Any, ...]]
    lots: Select[*tuple[Any, ...]]


@kept_for_a_scope
def _rows(which: Which) -> Rows:
    return Rows(
        entries=_in_order(which, Entry.seq, *ENTRY, *DETAILS),
        opened=_in_order(which, Hold.seq, *OPENED),
        extended=_in_order(which, HoldExtension.seq, *EXTENDED),
        closed=_in_order(which, Hold.closed_seq, *CLOSED),
        draws=_in_order(which, Draw.seq, Draw.seq, Draw.lot_seq, Draw.credits, key=4),
        lots=_in_order(which, Lot.seq, *LOT),
    )


def _in_order(which: Which, seq: Any, *columns: Any, key: int = 3) -> Select[*tuple[Any, ...]]:
    """Rows in order. Each begins with its wallet, the slot of that, and what ``seq`` says.

    :param key: By so many of its columns a row is known.
    """
    rows = seq.class_
    query = which.since(select(rows.wallet_id, rows.slot, *columns).where(seq.is_not(None)), rows, seq)
    return query.order_by(*[*query.selected_columns][:key])


def accounts(connection: Connection, which: Which) -> Iterator[Account]:
    """The wallets' rows, by their ids."""
    return (Account(*row) for row in fetch(connection, _wallets(which)))


@kept_for_a_scope
def _wallets(which: Which) -> Select[*tuple[Any, ...]]:
    columns = (getattr(Wallet, name) for name in Account._fields)
    return select(*columns).where(which.has(Wallet.id, Wallet.slot)).order_by(Wallet.id)


def marks(connection: Connection, which: Which) -> Iterator[MarkRow]:
    """Up to where each wallet lies in the archive, by their ids."""
    return (MarkRow._make(row) for row in fetch(connection, _marks(which)))


@kept_for_a_scope
def _marks(which: Which) -> Select[*tuple[Any, ...]]:
    columns = (getattr(ArchiveMark, name) for name in MarkRow._fields)
    its = which.has(ArchiveMark.wallet_id, ArchiveMark.slot)
    return select(*columns).where(its).order_by(ArchiveMark.wallet_id)


def stream(
    connections: Sequence[Connection],
    query: Executable,
    make: Callable[[Any], Item],
    make_archived: Callable[[Any], Item] | None = None,
) -> Stream[Item]:
    """The rows of one table from wherever they lie: from the books, which come first, if they do there."""
    books, *archives = connections
    first = _made(books, query, make)
    if not archives:
        return Stream(first)
    more = (_of_archive(archive, query, make_archived or make) for archive in archives)
    return Stream(_once(merge(first, *more, key=_place)))


def _made(
    connection: Connection, query: Executable, make: Callable[[Any], Item]
) -> Iterator[tuple[int, Item]]:
    return ((row[0], make(row[2:])) for row in fetch(connection, query))


def _of_archive(
    archive: Connection, query: Executable, make: Callable[[Any], Item]
) -> Iterator[tuple[int, Item]]:
    """:raises ValueError: The archive does not read on, or has something that no row of ours has."""
    try:
        yield from _made(archive, query, make)
    except (DBAPIError, LookupError, ValueError) as error:
        why = error.orig if isinstance(error, DBAPIError) else error
        raise ValueError(
            f"The archive {address_of(archive.engine.url)} cannot be read: {why}. "
            "Put back the copy of it that is kept elsewhere."
        ) from error


def _place(row: tuple[int, Any]) -> tuple[Any, ...]:
    """Where a row stands in the order of its table."""
    wallet_id, item = row
    return wallet_id, _seq(item), getattr(item, "part", ())


def _seq(item: Any) -> int:
    seq: int = item.seq
    return seq


def _once(rows: Iterator[tuple[int, Item]]) -> Iterator[tuple[int, Item]]:
    """Each row once: what lies in two places is the same, or both are seen."""
    last: tuple[Any, ...] | None = None
    for row in rows:
        content = (*row, row[1].details if isinstance(row[1], SealedRow) else None)
        if content != last:
            yield row
        last = content
