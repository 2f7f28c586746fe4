"""The states of a hold, as a table, and how one is closed."""

from __future__ import annotations

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from ..errors import HoldClosed
from ..tables import Hold, HoldState, Kind
from .budget_counts import give_back
from .posting import LockedWallet, Posting, append, save, use_of
from .uses import Use

#: Every move a hold can make. A pair that is not here is refused.
MOVES = {
    (HoldState.OPEN, "capture"): HoldState.CAPTURED,
    (HoldState.OPEN, "release"): HoldState.RELEASED,
    (HoldState.OPEN, "expire"): HoldState.EXPIRED,
}


def move(state: HoldState, verb: str) -> HoldState:
    """The state after ``verb``.

    :raises HoldClosed: There is no such move.
    """
    try:
        return MOVES[state, verb]
    except KeyError:
        raise HoldClosed(f"cannot {verb} a hold that is {state}") from None


def close(
    session: Session,
    wallet: LockedWallet,
    hold: Hold,
    verb: str,
    *,
    captured: int = 0,
    use: Use | None = None,
) -> None:
    """End ``hold``: ``captured`` of its credits are spent, the rest is available again.

    :param use: What the capture's entry says of who spends and on what; by default what the hold says.
    :raises HoldClosed: It has ended before.
    """
    state = move(hold.state, verb)
    wallet.held -= hold.credits
    if captured < hold.credits:
        give_back(session, wallet, hold.spender, [(hold.at, hold.credits - captured)])
    if captured:
        use = use or use_of(hold)
        capture = Posting(Kind.SPEND, -captured, f"hold:{hold.key}", refers_to_seq=hold.seq, use=use)
        append(session, wallet, capture)
    else:
        wallet.step()
        save(session, wallet)
    session.execute(
        update(Hold)
        .where(Hold.wallet_id == wallet.id, Hold.seq == hold.seq)
        .values(state=state, captured=captured, closed_seq=wallet.seq, closed_at=wallet.now)
    )


def overdue(session: Session, wallet: LockedWallet) -> list[Hold]:
    """The open holds of this wallet whose time is over."""
    return list(
        session.scalars(
            select(Hold)
            .where(Hold.wallet_id == wallet.id, Hold.state == HoldState.OPEN, Hold.expires_at <= wallet.now)
            .order_by(Hold.seq)
            .execution_options(populate_existing=True)
        )
    )
