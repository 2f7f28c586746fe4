"""What a wallet holds, read without writing: as of now, also where a lot's end has not been written yet."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from ..books import hold_states
from ..books.lot_store import Drawing
from ..books.lots import Closed
from ..books.posting import STANDING, Locked
from ..clock import Clock
from ..tables import Entry, Hold, Kind, Wallet

#: The most entries that one page lists.
MOST_ENTRIES = 200


@dataclass(frozen=True)
class Standing:
    """What an owner has, in whole credits. ``balance`` includes what open holds set aside."""

    owner: str
    balance: int = 0
    held: int = 0
    debt: int = 0

    @property
    def available(self) -> int:
        return self.balance - self.held


@dataclass(frozen=True)
class LotLine:
    """What is left of credits that came in together. ``held`` of them are set aside."""

    key: str
    kind: Kind
    credits: int
    left: int
    held: int
    expires_at: datetime | None
    amount_minor: int | None
    currency: str | None
    came_at: datetime


class Page(list[Entry]):
    """Entries, newest first. ``next_cursor`` finds the page after, ``None`` is the last."""

    next_cursor: str | None = None


def look(session: Session, owner: str, now: datetime) -> Locked | None:
    """The wallet as it stands, without its lock."""
    row = session.execute(select(*STANDING).where(Wallet.owner == owner)).one_or_none()
    return None if row is None else Locked(**row._mapping, now=max(now, row.moved_at))


def standing(session: Session, owner: str, *, clock: Clock) -> Standing:
    """What ``owner`` has now; nothing for an owner that was never heard of."""
    wallet = look(session, owner, clock())
    if wallet is None:
        return Standing(owner)
    late = hold_states.overdue(session, wallet) if wallet.held else []
    balance = wallet.balance
    if wallet.due or late:
        balance -= sum(lot.left for lot in _drawn(session, wallet, late).lots.over(wallet.now))
    held = wallet.held - sum(hold.credits for hold in late)
    return Standing(owner, balance, held, wallet.debt)


def _drawn(session: Session, wallet: Locked, late: list[Hold]) -> Drawing:
    """The lots as of now, with what overdue holds would give back."""
    drawing = Drawing(session, wallet, keep=False)
    for hold in late:
        drawing.lots.feed(Closed(wallet.step(), hold.seq, hold.key, hold.credits, 0))
    return drawing


def lots(session: Session, owner: str, *, clock: Clock) -> list[LotLine]:
    """What is left of each lot, in the order in which they are drawn."""
    wallet = look(session, owner, clock())
    if wallet is None:
        return []
    drawing = _drawn(session, wallet, hold_states.overdue(session, wallet))
    live = [
        lot for lot in drawing.lots.lots.values() if lot.held or (lot.left and not lot.is_over(wallet.now))
    ]
    entries = {
        entry.seq: entry
        for entry in session.scalars(
            select(Entry).where(Entry.wallet_id == wallet.id, Entry.seq.in_([lot.seq for lot in live]))
        )
    }
    return [
        LotLine(
            key=entry.key,
            kind=entry.kind,
            credits=entry.credits,
            left=0 if lot.is_over(wallet.now) else lot.left,
            held=lot.held,
            expires_at=lot.expires_at,
            amount_minor=entry.amount_minor,
            currency=entry.currency,
            came_at=entry.at,
        )
        for lot in sorted(live, key=lambda lot: lot.order)
        for entry in [entries[lot.seq]]
    ]


@dataclass(frozen=True)
class Which:
    """Which entries: of one kind, from a time up to and not including another, with one of some keys.

    ``keys`` may be a SELECT of them, which the database runs together with its own.
    """

    kind: Kind | None = None
    since: datetime | None = None
    until: datetime | None = None
    keys: Collection[str] | Select[str] | None = None

    def of(self, query: Select[Entry]) -> Select[Entry]:
        if self.kind is not None:
            query = query.where(Entry.kind == self.kind)
        if self.since is not None:
            query = query.where(Entry.at >= self.since)
        if self.until is not None:
            query = query.where(Entry.at < self.until)
        return query if self.keys is None else query.where(Entry.key.in_(self.keys))


ALL = Which()


def entries(
    session: Session, owner: str, *, limit: int = 50, cursor: str | None = None, which: Which = ALL
) -> Page:
    """The entries of ``owner``, newest first.

    :param limit: 1 to 200.
    :param cursor: ``next_cursor`` of the page before.
    :raises ValueError: The limit is out of bounds, or the cursor is none of ours.
    """
    if not 1 <= limit <= MOST_ENTRIES:
        raise ValueError(f"limit is a whole number from 1 to {MOST_ENTRIES}")
    moved = (Entry.credits != 0) | (Entry.debt != 0)
    query = select(Entry).join(Wallet, Wallet.id == Entry.wallet_id).where(Wallet.owner == owner, moved)
    query = which.of(query)
    if cursor is not None:
        query = query.where(Entry.seq < _seq(cursor))
    page = Page(session.scalars(query.order_by(Entry.seq.desc()).limit(limit + 1)))
    if len(page) > limit:
        page.pop()
        page.next_cursor = str(page[-1].seq)
    return page


def _seq(cursor: str) -> int:
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 18):
        raise ValueError("the cursor is not one that a page gave")
    return int(cursor)
