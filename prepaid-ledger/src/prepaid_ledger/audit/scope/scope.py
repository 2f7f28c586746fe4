"""Which wallets a rule looks at: a range, so that no snapshot has to stand for long, or those that moved."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import BigInteger, ColumnElement, Connection, cast, func, select, true
from sqlalchemy.orm import Session

from ...database.rows import Given, Stretch, table_of
from ...tables import Wallet

#: About how many entries of how many wallets are played again from one snapshot.
ENTRIES = 100_000


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

    def since(self, wallet_id: Any, seq: Any) -> ColumnElement[bool]:
        """Whether a row is to be played again: each that is one of them."""
        return self.has(wallet_id)


class Moved:
    """Wallets that have moved since they were proved, and of each what came after that.

    :param proved: The ``seq`` up to which each is proved; at least one wallet.
    """

    def __init__(self, connection: Connection, proved: Mapping[int, int]) -> None:
        rows: list[Given] = [{"wallet_id": wallet_id, "seq": seq} for wallet_id, seq in proved.items()]
        self._proved = table_of(Session(connection), rows, "proved").c

    def has(self, wallet_id: Any) -> ColumnElement[bool]:
        """Whether a row's wallet is one of them."""
        its: ColumnElement[bool] = wallet_id == self._proved.wallet_id
        return its

    def since(self, wallet_id: Any, seq: Any) -> ColumnElement[bool]:
        """Whether a row is to be played again."""
        later: ColumnElement[bool] = seq > self._proved.seq
        return self.has(wallet_id) & later


class Between(Moved):
    """Some wallets, and of each what came after the archive's mark, up to where it is to go on.

    :param stretches: The end of each, and its beginning; at least one wallet.
    """

    def __init__(self, connection: Connection, stretches: Sequence[Stretch]) -> None:
        super().__init__(connection, {stretch.wallet_id: stretch.after for stretch in stretches})
        rows: list[Given] = [{"wallet_id": each.wallet_id, "upto": each.upto} for each in stretches]
        self._ends = table_of(Session(connection), rows, "ends").c

    def since(self, wallet_id: Any, seq: Any) -> ColumnElement[bool]:
        """Whether a row is to be played."""
        in_time: ColumnElement[bool] = (wallet_id == self._ends.wallet_id) & (seq <= self._ends.upto)
        return super().since(wallet_id, seq) & in_time


#: What a rule looks at.
Which = Scope | Moved

Made = TypeVar("Made")


def kept_for_a_scope(make: Callable[[Which], Made]) -> Callable[[Which], Made]:
    """Keep the statements for a range: of small books they take longer to make than to answer."""
    kept = lru_cache(maxsize=16)(make)
    return lambda which: kept(which) if isinstance(which, Scope) else make(which)


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
