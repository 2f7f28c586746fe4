"""Whether what a meter had counted was taken when the time of its hold was over."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Select, select

from ...tables import Hold, HoldState, Wallet
from ..scope.problem import Problem
from ..scope.scope import Which, kept_for_a_scope


def uncharged_meters(connection: Connection, which: Which) -> Iterator[Problem]:
    for owner, key, counted in connection.execute(_of_uncharged_meters(which)):
        yield Problem("I7", owner, f"hold {key!r} gave back the {counted} credits that its meter had counted")


@kept_for_a_scope
def _of_uncharged_meters(which: Which) -> Select[*tuple[Any, ...]]:
    expired = (
        select(Wallet.owner, Hold.key, Hold.counted)
        .join(Wallet, Hold.of(Wallet))
        .where(Hold.state == HoldState.EXPIRED, Hold.counted > 0)
    )
    return which.since(expired, Hold, Hold.closed_seq)
