"""Spends that commit by themselves, and may carry one INSERT of the host's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Insert, Row
from sqlalchemy.orm import Session

from ..books import entries
from ..books.posting import check_credits, check_key
from ..clock import Clock
from ..database.engine import commit_alone


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


@dataclass(frozen=True)
class Ask:
    """One spend that someone waits for."""

    owner: str
    credits: int
    key: str
    work: Insert | None = None
    values: Mapping[str, object] | None = None

    def __post_init__(self) -> None:
        check_credits(self.credits)
        check_key(self.key)


def spend_alone(engine: Engine, ask: Ask, *, clock: Clock, debt_blocks: bool) -> Spent:
    """Commit one spend with its work in a transaction of its own.

    :raises InsufficientCredits: Fewer are available.
    :raises WalletBlocked: The wallet owes credits.
    :raises KeyReused: The key has posted something else.
    :raises Busy: The database did not get to it. What came of it, the same key tells.
    """

    def write(session: Session) -> Spent:
        entry, is_new = entries.spend_once(
            session, ask.owner, ask.credits, key=ask.key, clock=clock, debt_blocks=debt_blocks
        )
        row = run_work(session.connection(), ask) if is_new else None
        return Spent(entry.seq, entry.balance_after, row, repeated=not is_new)

    return commit_alone(engine, write)


def run_work(connection: Connection, ask: Ask) -> Row[Any] | None:
    """Run the host's INSERT; the row that it returns, if it has a RETURNING."""
    if ask.work is None:
        return None
    result = connection.execute(ask.work, ask.values)
    return result.one() if result.returns_rows else None
