"""Budgets: how many credits a spender, or a whole wallet, may spend in a calendar window.

A budget's row counts what its window was charged; for the whole wallet's, the wallet's row counts. Both are
moved under the wallet's lock, in the transaction that takes the credits, so no number of callers can overrun
a budget. A window that is over is rolled on by the next charge.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import ColumnElement, Table, select, update
from sqlalchemy.orm import Session

from ...errors import BudgetExceeded
from ...tables import Budget, Every, Wallet
from ..wallets.wallet_state import WalletState
from .windows import window_of

_budget = cast(Table, Budget.__table__)

#: The spender of a budget of the whole wallet, as the table has it.
EVERYBODY = ""


@dataclass
class BudgetState:
    """A budget as it stands in its window."""

    spender: str
    every: Every
    zone: str
    credits: int
    spent: int
    window_start: datetime | None
    resets_at: datetime | None

    @property
    def left(self) -> int:
        """What can be spent of it; 0 where it was lowered below what is spent."""
        return max(0, self.credits - self.spent)

    def counts(self, spender: str | None, at: datetime) -> bool:
        """Whether what ``spender`` was charged at a time, by now, counts in its window."""
        return self.spender in (EVERYBODY, spender) and (self.window_start is None or at >= self.window_start)

    def roll(self, now: datetime) -> None:
        """Begin the window that ``now`` lies in, if the last one is over."""
        if self.resets_at is not None and self.resets_at <= now:
            self.window_start, self.resets_at = window_of(self.every, self.zone, now)
            self.spent = 0


def budgets_of(session: Session, wallet: WalletState, spender: str | None) -> list[BudgetState]:
    """The budgets that a charge of ``spender`` counts in, their windows rolled on to now."""
    if not wallet.budget_changes:
        return []
    budgets = read(session, wallet, _counts_for(spender))
    for budget in budgets:
        budget.roll(wallet.now)
    return budgets


def _counts_for(spender: str | None) -> ColumnElement[bool]:
    """That a charge of ``spender`` counts in a budget: in theirs, and in that of the whole wallet."""
    return Budget.spender.in_([EVERYBODY] if spender is None else [EVERYBODY, spender])


def read(session: Session, wallet: WalletState, *which: ColumnElement[bool]) -> list[BudgetState]:
    """The budgets of a wallet, as they were last written; the whole wallet's first."""
    query = (
        select(_budget, Budget.spent_of(Wallet).label("spent"))
        .join(Wallet, Budget.of(Wallet))
        .where(Budget.of(wallet), *which)
        .order_by(Budget.spender, Budget.every)
    )
    fields = BudgetState.__dataclass_fields__
    return [BudgetState(**{name: row[name] for name in fields}) for row in session.execute(query).mappings()]


def exceeded(owner: str, budgets: Iterable[BudgetState], credits: int) -> BudgetExceeded | None:
    """The refusal of so many credits, by the budget that has least left; ``None`` where all have enough."""
    least = min(budgets, key=lambda budget: budget.left, default=None)
    if least is None or least.left >= credits:
        return None
    return BudgetExceeded(
        owner,
        spender=least.spender or None,
        every=None if least.every is Every.EVER else least.every.value,
        zone=least.zone,
        credits=least.credits,
        needed=credits,
        left=least.left,
        resets_at=least.resets_at,
    )


def count(session: Session, wallet: WalletState, budgets: Iterable[BudgetState], credits: int) -> None:
    """Count a charge of now. The wallet is to be saved with what it takes."""
    wallet.charged += credits
    for budget in budgets:
        spent = budget.spent + credits
        session.execute(
            update(_budget)
            .where(*key_of(wallet, budget.spender, budget.every))
            .values(
                spent_here=spent - counted_by(wallet, budget.spender),
                window_start=budget.window_start,
                resets_at=budget.resets_at,
            )
        )


def give_back(
    session: Session, wallet: WalletState, spender: str | None, charged: Sequence[tuple[datetime, int]]
) -> None:
    """Count less in the windows that were charged, as far as they have not been rolled on since.

    :param charged: When, and how many credits of that come back.
    """
    if not wallet.budget_changes:
        return
    for budget in read(session, wallet, _counts_for(spender)):
        back = sum(credits for at, credits in charged if budget.counts(spender, at))
        if back:
            session.execute(
                update(_budget)
                .where(*key_of(wallet, budget.spender, budget.every))
                .values(spent_here=_budget.c.spent_here - back)
            )


def counted_by(wallet: WalletState, spender: str) -> int:
    """What of a budget's count the wallet's row has."""
    return wallet.charged if spender == EVERYBODY else 0


def key_of(wallet: WalletState, spender: str, every: Every) -> list[ColumnElement[bool]]:
    return [Budget.of(wallet), _budget.c.spender == spender, _budget.c.every == every]
