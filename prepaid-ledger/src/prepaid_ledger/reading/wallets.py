"""What a wallet holds, read without writing: as of now, also where a lot's end has not been written yet."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from ..books import hold_states
from ..books.lot_store import LotStore
from ..books.lots import Closed, Lots, LotState
from ..books.posting import WALLET_COLUMNS, WalletState
from ..checks import check_whole
from ..clock import Clock
from ..tables import ArchiveMark, Entry, Hold, Kind, Wallet

#: How many entries one page lists at most.
MAX_ENTRIES = 200


@dataclass(frozen=True)
class WalletSummary:
    """What an owner has, in whole credits. ``balance`` includes what open holds set aside."""

    owner: str
    balance: int = 0
    held: int = 0
    debt: int = 0

    @property
    def available(self) -> int:
        return self.balance - self.held


@dataclass(frozen=True)
class LotSummary:
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
    """Entries, newest first. ``next_cursor`` finds the page after, ``None`` is the last.

    Where ``archived_until`` is set on the last one, spends up to then were asked for, too, and are in the
    archive.
    """

    next_cursor: str | None = None
    archived_until: datetime | None = None


def find_wallet(session: Session, owner: str, now: datetime) -> WalletState | None:
    """The wallet as it stands, without its lock."""
    row = session.execute(select(*WALLET_COLUMNS).where(Wallet.owned_by(owner))).one_or_none()
    return None if row is None else WalletState.of_row(row, now)


def summary(session: Session, owner: str, *, clock: Clock) -> WalletSummary:
    """What ``owner`` has now; nothing for an owner that was never heard of."""
    wallet = find_wallet(session, owner, clock())
    if wallet is None:
        return WalletSummary(owner)
    overdue = hold_states.overdue(session, wallet) if wallet.held else []
    ends = 0
    if wallet.is_due or overdue:
        ends = sum(lot.left for lot in _lots_now(session, wallet, overdue).over(wallet.now))
    held = wallet.held - sum(hold.credits for hold in overdue)
    counted = sum(hold.counted or 0 for hold in overdue)
    debt = max(0, wallet.debt - ends)  # what ends pays a debt first
    return WalletSummary(owner, wallet.balance - ends - counted, held, debt)


def _lots_now(session: Session, wallet: WalletState, overdue: list[Hold]) -> Lots:
    """The lots as of now, with what overdue holds would give back."""
    lots = LotStore(session, wallet, keep=False).lots
    for hold in overdue:
        lots.feed(Closed(wallet.step(), hold.seq, hold.key, hold.credits, hold.counted or 0))
    return lots


def lots(session: Session, owner: str, *, clock: Clock) -> list[LotSummary]:
    """What is left of each lot, in the order in which they are drawn."""
    wallet = find_wallet(session, owner, clock())
    if wallet is None:
        return []
    lots_now = _lots_now(session, wallet, hold_states.overdue(session, wallet))
    live = [lot for lot in lots_now.in_order() if lot.held or (lot.left and not lot.is_over(wallet.now))]
    seqs = [lot.seq for lot in live]
    came_in = select(Entry).where(Entry.of(wallet), Entry.seq.in_(seqs))
    entries = {entry.seq: entry for entry in session.scalars(came_in)}
    return [_summary_of_lot(lot, entries[lot.seq], wallet.now) for lot in live]


def _summary_of_lot(lot: LotState, entry: Entry, now: datetime) -> LotSummary:
    return LotSummary(
        key=entry.key,
        kind=entry.kind,
        credits=entry.credits,
        left=0 if lot.is_over(now) else lot.left,
        held=lot.held,
        expires_at=lot.expires_at,
        amount_minor=entry.amount_minor,
        currency=entry.currency,
        came_at=entry.at,
    )


@dataclass(frozen=True)
class Which:
    """Which entries: of one kind, from a time up to and not including another, with one of some keys, by
    one spender, of one item.

    ``keys`` may be a SELECT of them, which the database runs together with its own.
    """

    kind: Kind | None = None
    since: datetime | None = None
    until: datetime | None = None
    keys: Collection[str] | Select[str] | None = None
    spender: str | None = None
    item: str | None = None

    def of(self, query: Select[Entry]) -> Select[Entry]:
        if self.kind is not None:
            query = query.where(Entry.kind == self.kind)
        if self.since is not None:
            query = query.where(Entry.at >= self.since)
        if self.until is not None:
            query = query.where(Entry.at < self.until)
        if self.spender is not None:
            query = query.where(Entry.spender == self.spender)
        if self.item is not None:
            query = query.where(Entry.item == self.item)
        return query if self.keys is None else query.where(Entry.key.in_(self.keys))

    def may_have(self, mark: ArchiveMark) -> bool:
        """Whether spends up to a mark of the archive may be among them."""
        is_asked_for = self.kind in (None, Kind.SPEND) and (self.since is None or self.since <= mark.at)
        return is_asked_for and mark.spends > 0


ALL = Which()


def entries(
    session: Session, owner: str, *, limit: int = 50, cursor: str | None = None, which: Which = ALL
) -> Page:
    """The entries of ``owner``, newest first.

    :param limit: 1 to 200.
    :param cursor: ``next_cursor`` of the page before.
    :raises ValueError: The limit is out of bounds, or the cursor is none of ours.
    """
    check_whole("limit", limit, 1, MAX_ENTRIES)
    moved = (Entry.credits != 0) | (Entry.debt != 0)
    query = select(Entry).join(Wallet, Entry.of(Wallet)).where(Wallet.owned_by(owner), moved)
    query = which.of(query)
    if cursor is not None:
        query = query.where(Entry.seq < _seq(cursor))
    page = Page(session.scalars(query.order_by(Entry.seq.desc()).limit(limit + 1)))
    if len(page) > limit:
        page.pop()
        page.next_cursor = str(page[-1].seq)
        return page
    mark = session.scalar(
        select(ArchiveMark).join(Wallet, ArchiveMark.of(Wallet)).where(Wallet.owned_by(owner))
    )
    if mark is not None and which.may_have(mark):
        page.archived_until = mark.at
    return page


def _seq(cursor: str) -> int:
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 18):
        raise ValueError("the cursor is not one that a page gave")
    return int(cursor)
