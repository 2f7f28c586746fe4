"""Every table of the ledger, read once, wallet by wallet, however long it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeVar

from sqlalchemy import Connection, Executable, Select, select
from sqlalchemy.orm import Session

from ..books.lot_store import CLOSED, ENTRY, EXTENDED, LOT, OPENED
from ..books.lots import Closed, EntryRow, Extended, LotState, Opened, Part
from ..tables import Draw, Entry, Hold, HoldExtension, Lot, Wallet
from .problem import Problem
from .scope import Which, kept_for_a_scope

#: Rows that are fetched at a time, from each table.
FETCH = 2_000

#: The columns of an entry beside those of ``EntryRow``.
BESIDE = (
    Entry.tax_minor,
    Entry.currency,
    Entry.claimed,
    Entry.reason,
    Entry.spender,
    Entry.item,
    Entry.quantity,
    Entry.price_version,
)

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


class SealedRow(EntryRow):
    """An entry with all that it says; what plays no part in the books stands in ``beside``."""

    beside: Sequence[object]


def entry_row(row: Sequence[Any]) -> SealedRow:
    sealed = SealedRow._make(row[: len(ENTRY)])
    sealed.beside = tuple(row[len(ENTRY) :])
    return sealed


class StoredDraw(NamedTuple):
    seq: int
    part: Part


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

    def before(self, wallet_id: int | None) -> Iterator[int]:
        """The wallets of the next rows that belong to none from ``wallet_id`` on; they are skipped."""
        while self.head is not None and (wallet_id is None or self.head[0] < wallet_id):
            yield self.head[0]
            self.head = next(self._rows, None)


class Tables:
    """Every table of the ledger, read once, for some of the wallets."""

    def __init__(self, connection: Connection, which: Which) -> None:
        self.session = Session(connection)
        self.accounts = accounts(connection, which)
        rows = _rows(which)
        self.entries = stream(connection, rows.entries, entry_row)
        self.opened = stream(connection, rows.opened, Opened._make)
        self.extended = stream(connection, rows.extended, Extended._make)
        self.closed = stream(connection, rows.closed, Closed._make)
        self.draws = stream(connection, rows.draws, lambda row: StoredDraw(row[0], Part(row[1], row[2])))
        self.lots = stream(connection, rows.lots, lambda row: LotState(*row))

    def strays(self, before: int | None) -> Iterator[Problem]:
        """Rows whose wallet is not there."""
        for name in ("entries", "opened", "extended", "closed", "draws", "lots"):
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
        entries=select(Entry.wallet_id, *ENTRY, *BESIDE)
        .where(which.since(Entry.wallet_id, Entry.seq))
        .order_by(Entry.wallet_id, Entry.slot, Entry.seq),
        opened=select(Hold.wallet_id, *OPENED)
        .where(which.since(Hold.wallet_id, Hold.seq))
        .order_by(Hold.wallet_id, Hold.slot, Hold.seq),
        extended=select(HoldExtension.wallet_id, *EXTENDED)
        .where(which.since(HoldExtension.wallet_id, HoldExtension.seq))
        .order_by(HoldExtension.wallet_id, HoldExtension.slot, HoldExtension.seq),
        closed=select(Hold.wallet_id, *CLOSED)
        .where(Hold.closed_seq.is_not(None), which.since(Hold.wallet_id, Hold.closed_seq))
        .order_by(Hold.wallet_id, Hold.slot, Hold.closed_seq),
        draws=select(Draw.wallet_id, Draw.seq, Draw.lot_seq, Draw.credits)
        .where(which.since(Draw.wallet_id, Draw.seq))
        .order_by(Draw.wallet_id, Draw.slot, Draw.seq, Draw.lot_seq),
        lots=select(Lot.wallet_id, *LOT)
        .where(which.since(Lot.wallet_id, Lot.seq))
        .order_by(Lot.wallet_id, Lot.slot, Lot.seq),
    )


def accounts(connection: Connection, which: Which) -> Iterator[Account]:
    """The wallets' rows, by their ids."""
    return (Account(*row) for row in fetch(connection, _wallets(which)))


@kept_for_a_scope
def _wallets(which: Which) -> Select[*tuple[Any, ...]]:
    columns = (getattr(Wallet, name) for name in Account._fields)
    return select(*columns).where(which.has(Wallet.id)).order_by(Wallet.id)


def stream(connection: Connection, query: Executable, make: Callable[[Any], Item]) -> Stream[Item]:
    return Stream((row[0], make(row[1:])) for row in fetch(connection, query))


def fetch(connection: Connection, query: Executable) -> Iterator[Any]:
    """The rows of a query, a few thousand at a time, by a cursor on the server where there is one."""
    return iter(connection.execution_options(yield_per=FETCH).execute(query))
