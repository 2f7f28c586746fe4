"""What was spent between two times: sums by day, hour, spender or item."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil, floor
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ..books.budgets.windows import midnight, zone_of
from ..books.usage_sums import MAX_BEHIND, QUARTER, mark_of, sums_of_entries
from ..books.wallets.last_before import last_before
from ..books.wallets.wallet_state import WalletState
from ..clock import Clock
from ..tables import Entry, UsageSum
from .archived import archive_mark_of, check_quarter
from .wallets import find_wallet

#: What usage can be summed up by.
BY = ("day", "hour", "spender", "item")


@dataclass(frozen=True)
class Usage:
    """What was spent in a day or an hour, by a spender, or on an item.

    ``calls`` spends took ``credits``; reversals ``returned`` so many at that time. Of ``start`` (of the day
    or the hour), ``spender`` and ``item`` one is set, as ``by`` asks.
    """

    start: datetime | None
    spender: str | None
    item: str | None
    credits: int
    returned: int
    calls: int

    @property
    def net(self) -> int:
        """Credits that were taken and not given back."""
        return self.credits - self.returned


class Question(NamedTuple):
    """What is to be summed up: whose, from when until when, by what, and of which spender and item."""

    owner: str
    start: datetime
    end: datetime
    by: str
    zone: str
    spender: str | None
    item: str | None


def is_behind(session: Session, owner: str, *, clock: Clock) -> bool:
    """Whether more entries than are quickly read stand behind the mark."""
    wallet = find_wallet(session, owner, clock())
    return wallet is not None and wallet.seq - mark_of(session, wallet) > MAX_BEHIND


def usage(session: Session, question: Question, *, clock: Clock) -> list[Usage]:
    """The sums, in the order of time or name.

    :raises ValueError: ``by`` or the zone is none of ours, the end is before the start, or one of the two is
        in the archive's time, and no quarter of an hour begins then.
    """
    if question.by not in BY:
        raise ValueError(f"by is one of {', '.join(BY)}; not {question.by!r}")
    if question.end < question.start:
        raise ValueError(f"end is {question.end}, which is before start. Write {question.start} or later.")
    key_of = _key_of(question.by, zone_of(question.zone))
    wallet = find_wallet(session, question.owner, clock())
    if wallet is None:
        return []
    archive_mark = archive_mark_of(session, wallet)
    check_quarter(archive_mark, question.start)
    check_quarter(archive_mark, question.end, by_sums=True)
    totals: dict[Any, list[int]] = {}
    for row in _rows(session, wallet, question):
        total = totals.setdefault(key_of(row), [0, 0, 0])
        for place, number in enumerate((row.credits, row.returned, row.calls)):
            total[place] += int(number)
    return [
        _usage(question.by, key, total) for key, total in sorted(totals.items(), key=lambda pair: pair[0])
    ]


def _key_of(by: str, clocks: ZoneInfo) -> Callable[[Any], Any]:
    if by == "spender":
        return lambda row: row.spender
    if by == "item":
        return lambda row: row.item

    def start_of(row: Any) -> datetime:
        local = datetime.fromtimestamp(row.quarter * QUARTER, clocks)
        return midnight(local.date(), clocks) if by == "day" else local.replace(minute=0).astimezone(UTC)

    return start_of


def _usage(by: str, key: Any, total: list[int]) -> Usage:
    credits, returned, calls = total
    return Usage(
        start=key if by in ("day", "hour") else None,
        spender=key or None if by == "spender" else None,
        item=key or None if by == "item" else None,
        credits=credits,
        returned=returned,
        calls=calls,
    )


def _rows(session: Session, wallet: WalletState, question: Question) -> Iterator[Any]:
    """Sums of whole quarters up to the mark, and of the entries around them."""
    mark = mark_of(session, wallet)
    first, last = ceil(question.start.timestamp() / QUARTER), floor(question.end.timestamp() / QUARTER)
    begin, end = last_before(session, wallet, question.start), last_before(session, wallet, question.end)
    if first >= last:
        yield from _entries(session, wallet, question, begin, end)
        return
    times = (datetime.fromtimestamp(quarter * QUARTER, UTC) for quarter in (first, last))
    inner_begin, inner_end = (last_before(session, wallet, time) for time in times)
    yield from _sums(session, wallet, question, first, last)
    yield from _entries(session, wallet, question, begin, inner_begin)
    yield from _entries(session, wallet, question, max(mark, inner_begin), inner_end)
    yield from _entries(session, wallet, question, inner_end, end)


def _sums(session: Session, wallet: WalletState, question: Question, first: int, last: int) -> Iterator[Any]:
    column = {"spender": UsageSum.spender, "item": UsageSum.item}.get(question.by, UsageSum.quarter)
    total = (func.sum(getattr(UsageSum, name)).label(name) for name in ("credits", "returned", "calls"))
    query = select(column, *total).where(
        UsageSum.of(wallet), UsageSum.quarter >= first, UsageSum.quarter < last
    )
    if question.spender is not None:
        query = query.where(UsageSum.spender == question.spender)
    if question.item is not None:
        query = query.where(UsageSum.item == question.item)
    yield from session.execute(query.group_by(column))


def _entries(
    session: Session, wallet: WalletState, question: Question, after: int, upto: int
) -> Iterator[Any]:
    if upto <= after:
        return
    which: list[Any] = [Entry.of(wallet), Entry.seq > after, Entry.seq <= upto]
    if question.spender is not None:
        which.append(Entry.spender == question.spender)
    if question.item is not None:
        which.append(Entry.item == question.item)
    yield from session.execute(sums_of_entries(session.get_bind().dialect.name, *which))
