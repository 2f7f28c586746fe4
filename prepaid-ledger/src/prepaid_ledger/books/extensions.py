"""Holds that grow: in credits, each time by a row of its own, and in time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

from sqlalchemy import insert, update
from sqlalchemy.orm import Session

from ..database.types import Quantities
from ..errors import HoldClosed
from ..tables import Hold, HoldExtension, HoldState
from .entries import charge, require
from .expiry import bring_up_to_date
from .hold_states import move
from .wallets.wallet_state import WalletState, save

#: What becomes of credits that are captured beyond a hold. The last one makes a debt of what is not there.
Overrun = Literal["refuse", "spend", "debt"]
OVERRUNS = get_args(Overrun)

MOMENT = timedelta(seconds=1)


@dataclass(frozen=True)
class Progress:
    """What a meter has counted so far: in credits, and how much of its item."""

    counted: int
    quantity: Quantities | None = None


def extend(
    session: Session,
    wallet: WalletState,
    hold: Hold,
    *,
    credits: int | None = None,
    until: datetime | None = None,
    progress: Progress | None = None,
    debt_blocks: bool,
) -> None:
    """Let a hold have ``credits`` in all, and last ``until`` then. It never shrinks.

    :raises HoldClosed: It has ended.
    :raises InsufficientCredits: Fewer are available than it is to grow by; so it is of the next two.
    :raises WalletBlocked: The wallet owes credits.
    :raises BudgetExceeded: A budget has fewer left.
    """
    move(hold.state, "extend")
    if until is not None and until > hold.expires_at:
        _change(session, hold, expires_at=until)
    if credits is not None and credits > hold.credits:
        grow(session, wallet, hold, credits - hold.credits, debt_blocks=debt_blocks)
    if progress is not None and progress.counted >= (hold.counted or 0):
        _change(session, hold, counted=progress.counted, quantity=progress.quantity)


def grow(session: Session, wallet: WalletState, hold: Hold, more: int, *, debt_blocks: bool) -> None:
    """Set ``more`` credits aside for an open hold, charged and drawn as of now.

    :raises HoldClosed: Its time is over, and its own credits were needed.
    """
    require(session, wallet, more, debt_blocks=debt_blocks)
    charge(session, wallet, more, spender=hold.spender)
    if hold.state is not HoldState.OPEN:
        raise HoldClosed("the time of the hold is over, and its credits went back")
    wallet.step()
    wallet.held += more
    save(session, wallet)
    extension = {
        "slot": wallet.slot,
        "wallet_id": wallet.id,
        "seq": wallet.seq,
        "hold_seq": hold.seq,
        "held_before": hold.credits,
        "credits": more,
        "at": wallet.now,
    }
    session.execute(insert(HoldExtension), [extension])
    _change(session, hold, credits=hold.credits + more)


def overrun(
    session: Session, wallet: WalletState, hold: Hold, more: int, how: Overrun, *, debt_blocks: bool
) -> int:
    """Let an open hold have ``more`` credits that a capture asks for; how many of them become a debt.

    :param how: ``spend``: all of them are there, or it is refused; ``debt``: what is not there is owed.
    :raises InsufficientCredits: Fewer are available, and none are to be owed.
    :raises BudgetExceeded: A budget has fewer left. It bounds what is owed, too.
    """
    if hold.expires_at <= wallet.now:  # it is captured at last: its own credits are not to go back
        _change(session, hold, expires_at=wallet.now + MOMENT)
    if how == "spend":
        grow(session, wallet, hold, more, debt_blocks=debt_blocks)
        return 0
    bring_up_to_date(session, wallet, needed=more)
    there = min(more, wallet.available)
    if there:
        grow(session, wallet, hold, there, debt_blocks=False)
    if more > there:
        charge(session, wallet, more - there, spender=hold.spender)
    return more - there


def _change(session: Session, hold: Hold, **values: object) -> None:
    session.execute(update(Hold).where(Hold.same_wallet_as(hold), Hold.seq == hold.seq).values(**values))
