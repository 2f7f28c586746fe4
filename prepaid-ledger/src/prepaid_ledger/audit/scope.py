"""Which wallets a rule looks at: a range of them, so that no snapshot has to stand for long."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Connection, cast, func, select, true

from ..tables import Wallet

#: About how many entries of how many wallets are played again from one snapshot.
ENTRIES = 200_000


class Scope(NamedTuple):
    """The wallets with an id in (after, upto]; ``None`` is from the first on, or to the last."""

    after: int | None = None
    upto: int | None = None

    def has(self, wallet_id: Any) -> ColumnElement[bool]:
        """Whether a row's wallet is one of them."""
        first = true() if self.after is None else wallet_id > self.after
        last = true() if self.upto is None else wallet_id <= self.upto
        both: ColumnElement[bool] = first & last
        return both


def scopes(connection: Connection) -> list[Scope]:
    """Ranges of about ``ENTRIES`` entries each. Together they have every wallet, those to come, too."""
    so_far = func.sum(Wallet.seq + 1).over(order_by=Wallet.id)
    of_range = cast(func.floor(so_far / ENTRIES), BigInteger).label("number")
    numbered = select(Wallet.id, of_range).subquery()
    lasts = select(func.max(numbered.c.id)).group_by(numbered.c.number).order_by(func.max(numbered.c.id))
    ends = [None, *connection.scalars(lasts), None]
    if len(ends) > 2:
        del ends[-2]  # the last range has those to come
    return [Scope(*pair) for pair in pairwise(ends)]
