"""What budgets have left, read without writing: as of now, also where that has not been written yet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from ..books import hold_states
from ..books.budgets.budget_counts import EVERYBODY, BudgetState, read
from ..books.wallets.wallet_state import WalletState
from ..clock import Clock
from ..tables import Every, Hold
from .wallets import find_wallet


@dataclass(frozen=True)
class BudgetSummary:
    """A budget as it stands now.

    ``spender`` is whose it is, ``None`` the whole wallet's. Of ``credits`` so many are ``spent``, with what
    open holds set aside; it begins anew ``every`` day, week or month by the clocks of ``zone``, next at
    ``resets_at``. Both are ``None`` for one that never does.
    """

    spender: str | None
    every: str | None
    zone: str
    credits: int
    spent: int
    resets_at: datetime | None

    @property
    def left(self) -> int:
        """What can be spent of it; 0 where it was lowered below what is spent."""
        return max(0, self.credits - self.spent)


def budgets(session: Session, owner: str, *, spender: str | None = None, clock: Clock) -> list[BudgetSummary]:
    """The budgets of ``owner``, or those that limit one spender, those of the whole wallet first."""
    wallet = find_wallet(session, owner, clock())
    if wallet is None:
        return []
    return [
        BudgetSummary(
            state.spender or None,
            None if state.every is Every.EVER else state.every.value,
            state.zone,
            state.credits,
            state.spent,
            state.resets_at,
        )
        for state in states_now(session, wallet)
        if spender is None or state.spender in (EVERYBODY, spender)
    ]


def states_now(session: Session, wallet: WalletState) -> list[BudgetState]:
    """The budgets of a wallet in the windows of now, less what overdue holds will give back."""
    states = read(session, wallet)
    overdue = hold_states.overdue(session, wallet) if states and wallet.held else []
    back = [(hold, _goes_back(session, hold)) for hold in overdue]
    for state in states:
        state.roll(wallet.now)
        for hold, rest in back:
            state.spent -= sum(credits for at, credits in rest if state.counts(hold.spender, at))
    return states


def _goes_back(session: Session, hold: Hold) -> list[tuple[datetime, int]]:
    """When the credits were charged that an overdue hold gives back."""
    rest = hold.credits - (hold.counted or 0)
    return hold_states.last_charged(hold_states.charged(session, hold), hold.credits, rest)
