"""Which wallets a rule looks at: a range, so that no snapshot has to stand for long, or stretches of some."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import BigInteger, ColumnElement, Connection, Select, cast, func, literal, select, true
from sqlalchemy.orm import Session

from ...database.rows import Stretch, table_of
from ...tables import Wallet

#: About how many entries of how many wallets are played again from one snapshot.
ENTRIES = 100_000

#: No ``seq`` comes after it.
LAST = 2**62


class Scope(NamedTuple):
    """The wallets with an id in (after, upto]; ``None`` is from the first on, or to the last."""

    after: int | None = None
    upto: int | None = None

    def has(self, wallet_id: Any, slot: Any) -> ColumnElement[bool]:
        """Whether a row's wallet is one of them."""
        first = true() if self.after is None else wallet_id > self.after
        last = true() if self.upto is None else wallet_id <= self.upto
        both: ColumnElement[bool] = first & last
        return both

    def since(self, query: Select[*tuple[Any, ...]], rows: Any, seq: Any) -> Select[*tuple[Any, ...]]:
        """``query`` of what is to be looked at: all rows of these wallets."""
        return query.where(self.has(rows.wallet_id, rows.slot))


class Moved:
    """Wallets that have moved, and the stretch of each that is to be looked at.

    One that is looked at alone is known to the planner by its numbers. A list of several PostgreSQL takes for
    a hundred rows of which it knows nothing: it may read all of each of them, so they are to be short ones.

    :param stretches: At least one, and one a wallet.
    """

    def __init__(self, connection: Connection, stretches: Sequence[Stretch]) -> None:
        self.stretches = stretches
        rows = [each._asdict() for each in stretches]
        self._given = table_of(Session(connection), rows, "stretch") if len(rows) > 1 else None
        self._is_lateral = connection.dialect.name == "postgresql"

    @property
    def c(self) -> Any:
        """The numbers of the stretch, or columns of a statement that have those of all of them."""
        return self.stretches[0] if self._given is None else self._given.c

    def has(self, wallet_id: Any, slot: Any) -> ColumnElement[bool]:
        """Whether a row's wallet is one of them."""
        its: ColumnElement[bool] = (wallet_id == self.c.wallet_id) & (slot == self.c.slot)
        return its

    def same_wallet(self, rows: Any, row: Any) -> ColumnElement[bool]:
        """Whether rows are of the wallet of ``row``, which is one of them."""
        its: ColumnElement[bool] = (rows.wallet_id == row.wallet_id) & (rows.slot == row.slot)
        return self.has(rows.wallet_id, rows.slot) if self._given is None else its

    def since(self, query: Select[*tuple[Any, ...]], rows: Any, seq: Any) -> Select[*tuple[Any, ...]]:
        """``query`` of what lies on the stretches."""
        return self.each(query.where(seq > self.c.after, seq <= self.c.upto), rows)

    def each(self, query: Select[*tuple[Any, ...]], rows: Any) -> Select[*tuple[Any, ...]]:
        """``query`` of each of these wallets.

        Where it may join several as it likes, PostgreSQL reads whole tables. A subquery with an OFFSET it has
        to ask for each wallet, and of a range with both its ends it expects little enough to look it up.
        """
        its = query.where(self.has(rows.wallet_id, rows.slot))
        if self._given is None or not self._is_lateral:
            return its
        each = its.offset(0).lateral("each")
        return select(each).select_from(self._given.join(each, true()))

    def answers(self, question: ColumnElement[Any]) -> Select[*tuple[Any, ...]]:
        """Each wallet's number, with what a subquery answers for it."""
        return select(literal(self.c.wallet_id) if self._given is None else self.c.wallet_id, question)


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
