"""The proof that the books are right.

| | holds |
|---|---|
| I1 | a wallet's balance is the sum of its entries; the sum by kind over all wallets is the trial balance |
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from .models import Entry, Wallet


class Problem(NamedTuple):
    """One thing that is off: which invariant, where, and what was found."""

    invariant: str
    owner: str | None
    message: str

    def __str__(self) -> str:
        return f"{self.invariant} {self.owner or 'all wallets'}: {self.message}"


def audit(engine: Engine) -> Iterator[Problem]:
    """Everything that is off in the books."""
    with Session(engine) as session:
        sums = (
            select(Entry.wallet_id, func.sum(Entry.credits).label("total"))
            .group_by(Entry.wallet_id)
            .subquery()
        )
        off = (
            select(Wallet.owner, Wallet.balance, func.coalesce(sums.c.total, 0))
            .outerjoin(sums, sums.c.wallet_id == Wallet.id)
            .where(Wallet.balance != func.coalesce(sums.c.total, 0))
        )
        for owner, balance, total in session.execute(off):
            yield Problem("I1", owner, f"the balance is {balance}, the entries sum up to {total}")
