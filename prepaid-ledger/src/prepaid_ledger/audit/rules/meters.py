"""Whether what a meter had counted was taken as the time of its hold was over, and nothing of other holds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, or_, select

from ...tables import Hold, HoldState, Wallet
from ..scope.problem import Problem
from ..scope.scope import Moved, Which, kept_for_a_scope

#: A meter's hold says what was counted, and no other one does.
IS_MIXED: ColumnElement[bool] = Hold.counted.is_(None) != Hold.meter.is_(None)


def uncharged_meters(connection: Connection, which: Which) -> Iterator[Problem]:
    for owner, key, counted, is_mixed in connection.execute(_ended(which)):
        if is_mixed:
            yield _mixed(owner, key, counted)
        else:
            gave_back = f"hold {key!r} gave back the {counted} credits that its meter had counted"
            yield Problem("I7", owner, gave_back)
    if isinstance(which, Moved):
        open_ones = _holds().where(IS_MIXED, Hold.state == HoldState.OPEN)
        for owner, key, counted, _ in connection.execute(which.each(open_ones, Hold)):
            yield _mixed(owner, key, counted)


def _mixed(owner: str, key: str, counted: int | None) -> Problem:
    has = "has no meter" if counted is not None else "has a meter"
    return Problem("I7", owner, f"hold {key!r} {has}, and says that {counted} credits were counted")


def _holds() -> Select[*tuple[Any, ...]]:
    of_wallet = select(Wallet.owner, Hold.key, Hold.counted, IS_MIXED.label("is_mixed"))
    return of_wallet.join(Wallet, Hold.of(Wallet))


@kept_for_a_scope
def _ended(which: Which) -> Select[*tuple[Any, ...]]:
    """Those that ended on a stretch; of a range of wallets all, the open ones, too."""
    is_uncharged = (Hold.state == HoldState.EXPIRED) & (Hold.counted > 0)
    return which.since(_holds().where(or_(is_uncharged, IS_MIXED)), Hold, Hold.closed_seq)
