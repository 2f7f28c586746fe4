"""What moves credits, in the caller's transaction: the caller commits.

Each verb locks the wallet, looks for its key, refuses, writes, in this order. A key
posts once in its wallet: again with the same arguments it returns the first entry and
moves nothing. ``clock`` is read under the lock.
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from ..clock import Clock
from ..errors import InsufficientCredits, WalletBlocked
from ..tables import Entry, Kind
from .budgets import budget_counts
from .expiry import bring_up_to_date, release_overdue
from .wallets.posting import Posting, append, begin, repeat
from .wallets.wallet_state import WalletState, lock


def spend(
    session: Session, owner: str, posting: Posting, *, clock: Clock, debt_blocks: bool
) -> tuple[Entry, bool]:
    """Take credits for something that is delivered in the same transaction.

    :param debt_blocks: Whether a wallet that owes credits is refused.
    :returns: The entry, and whether this call has written it, not an earlier one with the same key.
    :raises InsufficientCredits: Fewer are available.
    :raises WalletBlocked: The wallet owes credits.
    :raises BudgetExceeded: A budget has fewer left.
    :raises KeyReused: The key has posted something else.
    """
    credits = -posting.credits
    wallet = lock(session, owner, clock)
    if wallet is None:
        raise InsufficientCredits(owner, needed=credits, available=0)
    earlier = repeat(session, wallet, posting)
    if earlier is not None:
        return earlier, False
    require(session, wallet, credits, debt_blocks=debt_blocks)
    charge(session, wallet, credits, spender=posting.use.spender)
    return append(session, wallet, posting), True


def require(session: Session, wallet: WalletState, credits: int, *, debt_blocks: bool) -> None:
    """Refuse to take ``credits`` that are not there, once all that is due has been written."""
    bring_up_to_date(session, wallet, needed=credits)
    if debt_blocks and wallet.debt > 0:
        raise WalletBlocked(wallet.owner, debt=wallet.debt)
    if wallet.available < credits:
        raise InsufficientCredits(wallet.owner, needed=credits, available=wallet.available)


def charge(session: Session, wallet: WalletState, credits: int, *, spender: str | None) -> None:
    """Count credits that are about to be taken in the budgets of ``spender`` and of the whole wallet.

    An overdue hold gives back first what it has of a budget that would refuse.

    :raises BudgetExceeded: A budget has fewer left.
    """
    counted = budget_counts.budgets_of(session, wallet, spender)
    if budget_counts.exceeded(wallet.owner, counted, credits) and release_overdue(session, wallet):
        counted = budget_counts.budgets_of(session, wallet, spender)
    refusal = budget_counts.exceeded(wallet.owner, counted, credits)
    if refusal is not None:
        raise refusal
    budget_counts.count(session, wallet, counted, credits)


def receive(session: Session, owner: str, posting: Posting, clock: Clock) -> Entry:
    """Give credits that were paid for, or not, once. A debt is paid from them first.

    :raises KeyReused: The key has posted something else.
    :raises ValueError: They would have ended before they came.
    """
    wallet, earlier = begin(session, owner, posting, clock)
    if earlier is not None:
        return earlier
    if posting.kind is not Kind.ALLOWANCE:  # which may be paid when its period is over
        posting.check_lasts(wallet.now)
    bring_up_to_date(session, wallet)  # what lapses pays its part of a debt first, and keeps its time
    return come_in(session, wallet, posting)


def come_in(session: Session, wallet: WalletState, posting: Posting) -> Entry:
    """Write a lot that comes in, and pay the wallet's debt from it. All that is due was written before."""
    lot = append(session, wallet, posting)
    repaid = min(wallet.debt, posting.credits)
    if repaid:
        repayment = Posting(Kind.CLAWBACK, -repaid, f"repay:{lot.seq}", debt=-repaid, refers_to_seq=lot.seq)
        append(session, wallet, repayment)
    return lot


def adjust(session: Session, owner: str, posting: Posting, clock: Clock) -> Entry:
    """Correct a wallet by hand, in either direction; the mistake itself stays on the record.

    :raises InsufficientCredits: Fewer are available than are taken.
    :raises KeyReused: The key has posted something else.
    """
    wallet, earlier = begin(session, owner, posting, clock)
    if earlier is not None:
        return earlier
    if posting.credits < 0:
        require(session, wallet, -posting.credits, debt_blocks=False)
    else:
        bring_up_to_date(session, wallet)
    return append(session, wallet, posting)
