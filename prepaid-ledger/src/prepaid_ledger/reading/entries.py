"""The entries of a wallet, page by page."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from ..checks import check_whole
from ..tables import ArchiveMark, Entry, Kind, Wallet

#: How many entries one page lists at most.
MAX_ENTRIES = 200


class Page(list[Entry]):
    """Entries, newest first. ``next_cursor`` finds the page after, ``None`` is the last.

    Where ``archived_until`` is set on the last one, spends up to then were asked for, too, and are in the
    archive.
    """

    next_cursor: str | None = None
    archived_until: datetime | None = None


@dataclass(frozen=True)
class Which:
    """Which entries are read: by kind, time, key, spender and item.

    They are from a time up to and not including another.
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


def page_of(
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
