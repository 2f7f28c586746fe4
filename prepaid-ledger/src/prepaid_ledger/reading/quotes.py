"""What a use would cost, and whether it can be paid, taking nothing."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from ..books.budgets.budget_counts import EVERYBODY, exceeded
from ..books.wallets.uses import MAX_NAME, check_name
from ..checks import check_credits, check_owner
from ..clock import Clock
from ..errors import InsufficientCredits, PrepaidError, WalletBlocked
from .budgets import states_now
from .wallets import find_wallet, summary


@dataclass(frozen=True)
class Quote:
    """What a use would cost now. Nothing is set aside: a spend after it may still be refused.

    ``available`` is what the wallet has for it. ``refusal`` is the error that a spend of ``credits`` would
    raise now, ``None`` where it would go through.
    """

    credits: int
    available: int
    refusal: PrepaidError | None = None

    @property
    def can_be_paid(self) -> bool:
        """Whether a spend would go through now."""
        return self.refusal is None


def quote(
    session: Session, owner: str, credits: int, *, spender: str | None, clock: Clock, debt_blocks: bool
) -> Quote:
    """Whether ``owner`` could pay so many credits now. 0 can always be paid."""
    check_owner(owner)
    check_name("spender", spender, "key:17", MAX_NAME)
    if credits != 0:
        check_credits(credits)
    wallet = summary(session, owner, clock=clock)
    refusal: PrepaidError | None = None
    if credits == 0:
        pass
    elif debt_blocks and wallet.debt > 0:
        refusal = WalletBlocked(owner, debt=wallet.debt)
    elif wallet.available < credits:
        refusal = InsufficientCredits(owner, needed=credits, available=wallet.available)
    else:
        row = find_wallet(session, owner, clock())
        states = states_now(session, row) if row is not None else []
        mine = [state for state in states if state.spender in (EVERYBODY, spender)]
        refusal = exceeded(owner, mine, credits)
    return Quote(credits, wallet.available, refusal)
