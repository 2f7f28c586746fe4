"""What budgets count more, and less, by what happened on some stretches: one row for each charge that moved.

``charges`` of ``books/budgets`` has what is charged by now; this is by how much that has changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, literal, select

from ...books.budgets.charges import RETURNED, REVERSAL, kept_of, owed, returned, reversed_spends, spends
from ...books.lots.lot_store import is_earlier
from ...tables import Entry, Hold, HoldExtension, HoldState, Kind
from ..scope.scope import Moved
from ..scope.snapshots import fetch

#: An extension of a hold.
OF_HOLD = HoldExtension.same_wallet_as(Hold) & (HoldExtension.hold_seq == Hold.seq)


class Charge(NamedTuple):
    """So many ``credits`` were charged ``at`` a time; negative is what no longer is."""

    wallet_id: int
    slot: int
    spender: str | None
    at: datetime
    credits: int


def charged_since(connection: Connection, which: Moved) -> Iterator[Charge]:
    """The charges of some wallets that moved on their stretches."""
    parts: tuple[tuple[Select[*tuple[Any, ...]], Any, Any], ...] = (
        (spends(), Entry, Entry.seq),
        (owed(), Entry, Entry.seq),
        (reversed_spends(), REVERSAL, REVERSAL.seq),
        (_opened(Hold.opened_credits), Hold, Hold.seq),
        (_grown(HoldExtension.credits), HoldExtension, HoldExtension.seq),
        *((part, Hold, Hold.closed_seq) for part in _parts(Hold.credits, Hold.captured)),
        *((_by_reversal(part), REVERSAL, REVERSAL.seq) for part in _parts(*_of_capture())),
    )
    for query, rows, seq in parts:
        yield from (Charge._make(row) for row in fetch(connection, which.since(query, rows, seq)))


def _opened(credits: Any) -> Select[*tuple[Any, ...]]:
    return select(Hold.wallet_id, Hold.slot, Hold.spender, Hold.at, credits)


def _grown(credits: Any) -> Select[*tuple[Any, ...]]:
    return select(Hold.wallet_id, Hold.slot, Hold.spender, HoldExtension.at, credits).join(
        HoldExtension, OF_HOLD
    )


def _parts(before: Any, after: Any) -> list[Select[*tuple[Any, ...]]]:
    """What the charges of a hold, as it opened and as it grew, have changed by.

    :param before: How many of its credits were charged in all, and after it how many still are.
    """

    def moved(first: Any, credits: Any) -> Any:
        return kept_of(after, first, credits) - kept_of(before, first, credits)

    return [
        _opened(moved(literal(0), Hold.opened_credits)),
        _grown(moved(HoldExtension.held_before, HoldExtension.credits)),
    ]


def _of_capture() -> tuple[Any, Any]:
    """What of a capture was charged before a reversal, and after it."""
    before = Hold.captured - returned(is_earlier(RETURNED.seq, REVERSAL.seq))
    return before, before - REVERSAL.credits


def _by_reversal(part: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """``part`` of the holds whose capture was reversed."""
    of_capture = REVERSAL.same_wallet_as(Hold) & (REVERSAL.refers_to_seq == Hold.closed_seq)
    return part.join(REVERSAL, of_capture).where(
        REVERSAL.kind == Kind.REVERSAL, Hold.state == HoldState.CAPTURED
    )
