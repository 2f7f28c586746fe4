"""A spend that commits by itself, and may bring one INSERT of the host's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, Insert, Row
from sqlalchemy.orm import Session

from ..books import entries
from ..books.wallets.posting import Posting
from ..books.wallets.uses import UNSAID, Use, use_of
from ..checks import check_credits, check_key, check_owner
from ..clock import Clock
from ..database.transactions import commit_alone
from ..database.types import Quantities


@dataclass(frozen=True)
class SpendRequest:
    """One spend to make: who pays, how many credits, and for what.

    :param key: Names what is paid for, ``report:17``.
    :param work: One INSERT of the host's that is committed with the spend, or not at all.
    :param values: Its parameters.
    :param spender: Who spends for the owner: ``key:17``, ``member:5``.
    :param item: What is bought: ``report``, ``gpt-x``.
    :param quantity: How much of it: a whole number, or one for each unit by its name.
    :param price_version: The price list that made credits of it.
    :raises ValueError: One of them is none that a caller may give.
    """

    owner: str
    credits: int
    key: str
    work: Insert | None = None
    values: Mapping[str, object] | None = None
    spender: str | None = None
    item: str | None = None
    quantity: Quantities | None = None
    price_version: str | None = None
    #: Who spends, and on what: the four above.
    use: Use = field(init=False, repr=False, compare=False, default=UNSAID)

    def __post_init__(self) -> None:
        check_owner(self.owner)
        check_credits(self.credits)
        check_key(self.key)
        if self.work is not None or self.values is not None:
            check_work(self.work, self.values)
        use = use_of(self.spender, self.item, self.quantity, self.price_version)
        object.__setattr__(self, "use", use)


def check_work(work: Insert | None, values: Mapping[str, object] | None) -> None:
    """:raises ValueError: It is no INSERT, or its parameters are none."""
    if not isinstance(work, Insert):
        raise ValueError(f"work is one INSERT of yours, such as insert(Draw), not {work!r:.80}")
    if values is not None and not isinstance(values, Mapping):
        raise ValueError(f'values are the parameters of work, such as {{"number": 4}}, not {values!r:.80}')


@dataclass(frozen=True)
class Spent:
    """A spend that is committed.

    ``balance`` is the wallet's after it, ``row`` what the host's INSERT returned.
    ``repeated`` says that the key had spent before: nothing moved now, and the INSERT
    was not run.
    """

    seq: int
    balance: int
    row: Row[Any] | None = None
    repeated: bool = False


def spend_alone(
    engine: Engine, request: SpendRequest, *, clock: Clock, debt_blocks: bool, within_s: float
) -> Spent:
    """Commit one spend with its host row in a transaction of its own.

    :raises InsufficientCredits: Fewer are available.
    :raises WalletBlocked: The wallet owes credits.
    :raises KeyReused: The key has posted something else.
    :raises Busy: The database did not get to it. What came of it, the same key tells.
    """
    posting = Posting.of_spend(request.credits, request.key, use=request.use)

    def write(session: Session) -> Spent:
        entry, is_new = entries.spend(session, request.owner, posting, clock=clock, debt_blocks=debt_blocks)
        row = insert_host_row(session.connection(), request) if is_new else None
        return Spent(entry.seq, entry.balance_after, row, repeated=not is_new)

    return commit_alone(engine, write, within_s=within_s)


def insert_host_row(connection: Connection, request: SpendRequest) -> Row[Any] | None:
    """Run the host's INSERT; the row that it returns, if it has a RETURNING."""
    if request.work is None:
        return None
    result = connection.execute(request.work, request.values)
    return result.one() if result.returns_rows else None
