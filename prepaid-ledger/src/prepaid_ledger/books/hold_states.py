"""The end of a hold: where its state may go, and what its close writes."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from ..errors import HoldClosed
from ..tables import Hold, HoldExtension, HoldState, Kind
from .budgets.budget_counts import give_back
from .wallets.posting import Posting, append, recorded_use
from .wallets.uses import Use
from .wallets.wallet_state import WalletState, save

#: Every move a hold can make. A pair that is not here is refused.
MOVES = {
    (HoldState.OPEN, "capture"): HoldState.CAPTURED,
    (HoldState.OPEN, "release"): HoldState.RELEASED,
    (HoldState.OPEN, "extend"): HoldState.OPEN,
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
    wallet: WalletState,
    hold: Hold,
    verb: str,
    *,
    captured: int = 0,
    owed: int = 0,
    use: Use | None = None,
) -> None:
    """End ``hold``: ``captured`` of its credits are spent, the rest is available again.

    :param owed: What it costs beside them, and becomes a debt.
    :param use: What the capture's entry says of who spends and on what; by default what the hold says.
    :raises HoldClosed: It has ended before.
    """
    state = move(hold.state, verb)
    wallet.held -= hold.credits
    if captured < hold.credits:
        rest = last_charged(charged(session, hold), hold.credits, hold.credits - captured)
        give_back(session, wallet, hold.spender, rest)
    if captured:
        use = use or recorded_use(hold)
        key = f"hold:{hold.key}"
        capture = Posting(Kind.SPEND, -captured, key, debt=owed, refers_to_seq=hold.seq, use=use)
        append(session, wallet, capture)
    else:
        wallet.step()
        save(session, wallet)
    session.execute(
        update(Hold)
        .where(Hold.of(wallet), Hold.seq == hold.seq)
        .values(state=state, captured=captured, closed_seq=wallet.seq, closed_at=wallet.now)
    )


def expire(session: Session, wallet: WalletState, hold: Hold) -> None:
    """End a hold whose time is over: what a meter has counted is taken, the rest goes back."""
    if hold.counted:
        close(session, wallet, hold, "capture", captured=hold.counted)
    else:
        close(session, wallet, hold, "expire")


def charged(session: Session, hold: Hold) -> list[tuple[datetime, int]]:
    """When a hold's credits were charged: as it opened, and as it grew, in order."""
    parts = [(hold.at, hold.opened_credits)]
    if hold.credits > hold.opened_credits:
        grown = select(HoldExtension.at, HoldExtension.credits).where(
            HoldExtension.same_wallet_as(hold), HoldExtension.hold_seq == hold.seq
        )
        parts += [(row.at, row.credits) for row in session.execute(grown.order_by(HoldExtension.seq))]
    return parts


def last_charged(charged: list[tuple[datetime, int]], kept: int, credits: int) -> list[tuple[datetime, int]]:
    """When the last ``credits`` of the first ``kept`` were charged."""
    back = []
    start = 0
    for at, part in charged:
        end = start + part
        back.append((at, max(0, min(end, kept) - max(start, kept - credits))))
        start = end
    return back


def overdue(session: Session, wallet: WalletState) -> list[Hold]:
    """The open holds of this wallet whose time is over."""
    return list(
        session.scalars(
            select(Hold)
            .where(Hold.of(wallet), Hold.state == HoldState.OPEN, Hold.expires_at <= wallet.now)
            .order_by(Hold.seq)
            .execution_options(populate_existing=True)
        )
    )
