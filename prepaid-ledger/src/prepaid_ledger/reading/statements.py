"""What happened between two times, and what was there at one.

Times never go back inside a wallet, so a time is found among its entries by halving:
no index by time has to be kept while credits are spent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..books.lots.lot_store import LotStore
from ..books.wallets.last_before import last_before
from ..books.wallets.wallet_state import WalletState
from ..clock import Clock
from ..tables import ArchiveMark, Entry, Kind
from .archived import archive_mark_of, balance_then
from .wallets import find_wallet

#: Entries read at a time.
PAGE = 1_000


class Reader(Protocol):
    """Runs a query in the session of the ledger, whichever that is when the query is run."""

    def __call__(
        self,
        page: Callable[[Session, WalletState, int, int], Sequence[Entry]],
        wallet: WalletState,
        upto: int,
        after: int,
        /,
    ) -> Sequence[Entry]: ...


@dataclass(frozen=True)
class Statement:
    """One owner's credits from ``start`` up to, and not including, ``end``.

    ``opening`` + the sum of ``by_kind`` = ``closing``; the closing balance of one
    statement is the opening balance of the next. ``entries`` is read as it is walked.
    Where ``archived_until`` is set, finished spends up to then are in the archive: they
    are in the sums, and not among the entries.
    """

    owner: str
    start: datetime
    end: datetime
    opening: int
    closing: int
    by_kind: dict[Kind, int] = field(default_factory=dict)
    entries: Iterator[Entry] = field(default_factory=lambda: iter(()))
    archived_until: datetime | None = None


def is_due(session: Session, owner: str, *, clock: Clock) -> bool:
    """Whether something has ended that is not written yet."""
    wallet = find_wallet(session, owner, clock())
    return wallet is not None and wallet.is_due


def statement(
    session: Session, owner: str, start: datetime, end: datetime, *, clock: Clock, read: Reader
) -> Statement:
    """What moved the credits of ``owner`` between two times.

    :param read: Reads the pages of entries later on, when they are walked.
    :raises ValueError: The end is before the start; or one of them is in the archive's time, and no quarter
        of an hour begins then.
    """
    if end < start:
        raise ValueError(f"end is {end}, which is before start. Write {start} or later.")
    wallet = find_wallet(session, owner, clock())
    if wallet is None:
        return Statement(owner, start, end, 0, 0)
    after, upto = (last_before(session, wallet, time) for time in (start, end))
    by_kind: Counter[Kind] = Counter()
    for entry in _between(partial(_page, session, wallet, upto), after):
        by_kind[entry.kind] += entry.credits
    mark = archive_mark_of(session, wallet)
    opening, closing = (
        _balance(session, wallet, mark, seq, time) for seq, time in ((after, start), (upto, end))
    )
    archived_until = None if mark is None or mark.at < start or not mark.spends else mark.at
    if archived_until is not None:  # only spends are missing
        by_kind[Kind.SPEND] += closing - opening - by_kind.total()
        by_kind = Counter({kind: credits for kind, credits in by_kind.items() if credits})
    pages = partial(read, _page, wallet, upto)
    entries = _between(pages, after)
    return Statement(owner, start, end, opening, closing, dict(by_kind), entries, archived_until)


def balance_at(session: Session, owner: str, time: datetime, *, clock: Clock) -> int:
    """The credits that ``owner`` had at ``time``, with what that second brought or ended.

    Of a time whose spends are in the archive: without what was spent at that very moment.

    :raises ValueError: Its spends are in the archive, and no quarter of an hour begins then.
    """
    wallet = find_wallet(session, owner, clock())
    if wallet is None:
        return 0
    time = min(time, wallet.now)
    seq = last_before(session, wallet, time, inclusive=True)
    balance = _balance(session, wallet, archive_mark_of(session, wallet), seq, time, inclusive=True)
    is_due = wallet.next_expiry_at is not None and wallet.next_expiry_at <= time
    if is_due and time >= wallet.moved_at:  # what has ended since is not written yet
        lots = LotStore(session, wallet, keep=False).lots
        balance -= sum(lot.left for lot in lots.over(time))
    return balance


def _balance(
    session: Session,
    wallet: WalletState,
    mark: ArchiveMark | None,
    seq: int,
    time: datetime,
    *,
    inclusive: bool = False,
) -> int:
    """The credits at a time.

    :param seq: The last entry of then that is in the books.
    """
    if mark is None or seq > mark.seq:
        return session.scalar(select(Entry.balance_after).where(Entry.of(wallet), Entry.seq == seq)) or 0
    if time > mark.at:
        return mark.balance
    return balance_then(session, wallet, mark, time, inclusive=inclusive)


def _between(page_after: Callable[[int], Sequence[Entry]], after: int) -> Iterator[Entry]:
    while page := page_after(after):
        yield from page
        after = page[-1].seq


def _page(session: Session, wallet: WalletState, upto: int, after: int) -> Sequence[Entry]:
    entries = select(Entry).where(Entry.of(wallet), Entry.seq > after, Entry.seq <= upto)
    return session.scalars(entries.order_by(Entry.seq).limit(PAGE)).all()
