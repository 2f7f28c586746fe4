"""From where on the sums of usage of a wallet are compared again: no quarter of an hour before its proof."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from math import floor
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from ...books.usage_sums import QUARTER, quarter_of
from ...database.rows import Stretch
from ...tables import Entry, UsageMark
from ..replay.streams import MarkRow
from ..scope.proofs import Proof
from ..scope.scope import Moved

#: No quarter of an hour is before it.
FIRST = -(2**31)


class Begin(NamedTuple):
    """A wallet's first ``quarter`` that is compared. Its entries come ``after`` a ``seq``, up to the mark."""

    wallet_id: int
    slot: int
    quarter: int
    after: int
    upto: int


def compared_from(
    connection: Connection,
    which: Moved,
    earlier: Mapping[int, Proof],
    archived: Mapping[int, MarkRow],
) -> list[Begin]:
    """The first quarter of each wallet that may be another than when it was compared.

    It is the first of all where no proof says that sums were compared, or not those of all that was archived.
    """
    its = which.has(UsageMark.wallet_id, UsageMark.slot)
    marks = {
        row.wallet_id: row.seq
        for row in connection.execute(select(UsageMark.wallet_id, UsageMark.seq).where(its))
    }
    begun = {
        each.wallet_id: Begin(each.wallet_id, each.slot, FIRST, 0, marks.get(each.wallet_id, 0))
        for each in which.stretches
    }
    compared = list[Stretch]()
    for begin in begun.values():
        summed = earlier[begin.wallet_id].sums.summed if begin.wallet_id in earlier else 0
        upto = min(summed, begin.upto)
        if upto and (begin.wallet_id not in archived or upto >= archived[begin.wallet_id].seq):
            compared.append(Stretch(begin.wallet_id, begin.slot, 0, upto))
    for wallet_id, quarter in _last_quarters(connection, compared):
        # Of the archive's last quarter some may be there, and some in the books.
        first = _quarter(archived[wallet_id].at) + 1 if wallet_id in archived else FIRST
        begun[wallet_id] = begun[wallet_id]._replace(quarter=max(quarter, first))
    for wallet_id, seq in _last_before(connection, [*begun.values()]):
        begun[wallet_id] = begun[wallet_id]._replace(after=seq)
    return [*begun.values()]


def _last_quarters(connection: Connection, compared: Sequence[Stretch]) -> Iterator[tuple[int, int]]:
    """The quarter of the last entry of each wallet on its stretch."""
    if not compared:
        return
    which = Moved(connection, compared)
    its = which.has(Entry.wallet_id, Entry.slot) & (Entry.seq <= which.c.upto)
    last = select(quarter_of(connection.dialect.name)).where(its).order_by(Entry.seq.desc()).limit(1)
    for wallet_id, quarter in connection.execute(which.answers(last.scalar_subquery())):
        if quarter is not None:
            yield wallet_id, quarter


def _last_before(connection: Connection, begun: Sequence[Begin]) -> Iterator[tuple[int, int]]:
    """The last entry before each wallet's quarter, found on the way back from the mark."""
    ways = [
        Stretch(each.wallet_id, each.slot, each.quarter, each.upto) for each in begun if each.quarter > FIRST
    ]
    if not ways:
        return
    which = Moved(connection, ways)
    its = which.has(Entry.wallet_id, Entry.slot) & (Entry.seq <= which.c.upto)
    is_before = quarter_of(connection.dialect.name) < which.c.after
    last = select(Entry.seq).where(its, is_before).order_by(Entry.seq.desc()).limit(1)
    before = func.coalesce(last.scalar_subquery(), 0)
    yield from ((row[0], row[1]) for row in connection.execute(which.answers(before)))


def _quarter(at: datetime) -> int:
    return floor(at.timestamp() / QUARTER)
