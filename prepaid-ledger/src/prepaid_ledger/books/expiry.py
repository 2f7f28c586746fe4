"""What is due by now: lots that end, and holds whose time is over.

Every write carries ``next_expiry_at > now`` in its condition, so credits expire at the
second they are due even if nobody swept; an overdue hold is released by the write that
would be refused otherwise.
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from ..tables import Kind
from . import hold_states
from .lot_store import Drawing, has_returns_to_expire
from .lots import LotState
from .posting import Locked, append, save


def settle(session: Session, wallet: Locked, *, needed: int = 0) -> None:
    """Bring the wallet up to ``wallet.now``.

    :param needed: Overdue holds are released only if fewer credits than this are available.
    """
    if wallet.due:
        expire(session, wallet)
    if needed > wallet.available:
        release_overdue(session, wallet)


def release_overdue(session: Session, wallet: Locked) -> int:
    """Give back what overdue holds set aside; how many there were."""
    late = hold_states.overdue(session, wallet)
    for hold in late:
        hold_states.close(session, wallet, hold, "expire")
    if late:
        after_release(session, wallet)
    return len(late)


def after_release(session: Session, wallet: Locked) -> None:
    """Credits came back to lots; to one that is over they came too late."""
    if wallet.due or has_returns_to_expire(session, wallet):
        expire(session, wallet)


def expire(session: Session, wallet: Locked) -> Drawing:
    """Take the rest of each lot that is over: what is neither spent nor held."""
    drawing = Drawing(session, wallet, keep=True)
    for lot in drawing.lots.over(wallet.now):
        end(session, wallet, lot)
    finish(session, drawing)
    return drawing


def end(session: Session, wallet: Locked, lot: LotState, *, early: bool = False) -> None:
    """Write the expiry that ends a lot, dated when it was due, or now if it ends ``early``.

    Of zero credits where the lot is used up, and its end still matters.
    """
    append(
        session,
        wallet,
        Kind.EXPIRY,
        -lot.left,
        key=f"expiry:{lot.seq}:{wallet.seq + 1}",
        names=lot.seq,
        at=None if lot.ended or early else lot.expires_at,
    )


def finish(session: Session, drawing: Drawing) -> None:
    """Draw what was just written, and say when the next lot ends."""
    drawing.catch_up()
    drawing.wallet.next_expiry_at = drawing.lots.next_expiry_at(drawing.wallet.now)
    save(session, drawing.wallet)


def sweep(session: Session, wallet: Locked) -> None:
    """Do everything that is due in the wallet, and draw ahead, so that no refund has to draw years."""
    expire(session, wallet)
    release_overdue(session, wallet)
