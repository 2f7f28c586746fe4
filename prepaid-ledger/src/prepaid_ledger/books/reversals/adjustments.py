"""What operators took of lots by hand, less what they gave: a pure rule, and its rows.

Adjustments cancel each other, in whatever order they come: who takes 50 by mistake and gives them again
has taken nothing, and neither has who gives 50 by mistake and takes them again. The first one's credits came
from a lot and the second one's are a lot of their own, so lots alone don't show it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, literal_column, select
from sqlalchemy.orm import aliased

from ...tables import Draw, Entry, Kind, Lot
from .shares import Gone

#: Origins of lots, each with so many of their credits.
Parts = list[tuple[int, int]]

#: Written out: an index that has adjustments serves only who asks for just that.
ADJUSTMENT: ColumnElement[Kind] = literal_column(f"'{Kind.ADJUSTMENT.value}'")


class AdjustmentRow(NamedTuple):
    """What an adjustment gave, or took of one lot.

    :param given: The adjustment's credits; negative if it takes.
    :param origin: The ``seq`` where the credits that it takes came in first; ``None`` if it gives.
    :param credits: How many of these it takes.
    :param of_adjustment: Whether they came in by hand, too.
    """

    seq: int
    given: int
    origin: int | None
    credits: int | None
    of_adjustment: bool | None


@dataclass
class Adjustments:
    """The adjustments of one wallet, so far.

    :param given: Credits that were given, and make up for nothing that was taken.
    :param taken: What was taken, as origins of lots with credits.
    :param cancelled: What was taken, and given by hand as well.
    """

    given: int = 0
    taken: Parts = field(default_factory=list)
    cancelled: Parts = field(default_factory=list)

    def feed(self, drawn: AdjustmentRow) -> Iterator[tuple[int, Gone]]:
        """Go on by one row, in ``seq`` order: what went of which lot by it, or is to count no more."""
        if drawn.origin is None or drawn.credits is None:
            given = max(drawn.given, 0)  # one that takes, and is not drawn yet, says nothing
            back = _move(self.taken, self.cancelled, given)
            self.given += given - sum(credits for _, credits in back)
            yield from ((origin, Gone(drawn.seq, -credits)) for origin, credits in back)
            return
        cancels = min(self.given, drawn.credits)
        self.given -= cancels
        rest = drawn.credits - cancels
        if drawn.of_adjustment:
            # What was given to make up for an earlier part goes again, so that the part counts again.
            again = _move(self.cancelled, self.taken, rest)
            yield from ((origin, Gone(drawn.seq, credits)) for origin, credits in again)
            return
        if cancels:
            self.cancelled.append((drawn.origin, cancels))
        if rest:
            self.taken.append((drawn.origin, rest))
            yield drawn.origin, Gone(drawn.seq, rest)


def _move(source: Parts, target: Parts, credits: int) -> Parts:
    """Move so many credits of parts, the last ones first; what was moved."""
    moved = []
    while credits and source:
        origin, there = source.pop()
        here = min(credits, there)
        if here < there:
            source.append((origin, there - here))
        credits -= here
        moved.append((origin, here))
    target.extend(moved)
    return moved


def gone_by_adjustment(rows: Iterable[Any]) -> Iterator[tuple[int, int, int, int]]:
    """Wallet, origin of the lot, ``seq`` and credits of what went by hand, in this order.

    Negative is what was taken before, and counts no more.

    :param rows: Those of ``adjustments``.
    """
    for wallet_id, of_wallet in groupby(rows, key=lambda row: row[0]):
        seen = Adjustments()
        moves = [move for row in of_wallet for move in seen.feed(AdjustmentRow._make(row[1:]))]
        yield from sorted((wallet_id, origin, *gone) for origin, gone in moves)


def adjustments(*which: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    """Each adjustment, by wallet and ``seq``: one row if it gives, and one for each lot of which it takes.

    It refers to nothing: by that the index on ``refers_to_seq`` has a wallet's adjustments side by side. They
    are not put in order by a mere ``seq``, for which SQLite takes all entries of the wallet as they stand.

    :param which: Conditions on ``Entry``. Its wallet is drawn to its last event.
    """
    first = aliased(Entry)
    of_adjustment = first.kind == Kind.ADJUSTMENT
    return (
        select(Entry.wallet_id, Entry.seq, Entry.credits, Lot.origin, Draw.credits, of_adjustment)
        .outerjoin(Draw, Draw.same_wallet_as(Entry) & (Draw.seq == Entry.seq))
        .outerjoin(Lot, Lot.same_wallet_as(Draw) & (Lot.seq == Draw.lot_seq))
        .outerjoin(first, first.same_wallet_as(Lot) & (first.seq == Lot.origin))
        .where(Entry.kind == ADJUSTMENT, Entry.refers_to_seq.is_(None), *which)
        .order_by(Entry.wallet_id, Entry.seq + 0, of_adjustment.desc(), Draw.lot_seq)
    )
