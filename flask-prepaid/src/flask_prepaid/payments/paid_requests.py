"""A request that pays once under the key that its client gave, such as an ``Idempotency-Key``."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from prepaid_ledger import HoldState
from prepaid_ledger.database import insert
from prepaid_ledger.errors import HoldClosed
from prepaid_ledger.tables import Hold, Wallet

from ..context import Context, apart, transaction
from ..errors import AlreadyPaid, StillRunning
from .models import PaidRequest

#: How long a key is remembered. After that it pays again.
KEPT = timedelta(days=30)

PAID_BEFORE = "This was done, and paid for, before: the same key came a second time."
RUNS_NOW = "This is being done just now: the same key came a second time."


def claim(context: Context, owner: str, name: str, hold_key: str) -> None:
    """Note that this hold pays for what ``name`` names, unless another one does. Commits by itself.

    Of two at once, one gets it. A hold that was given back leaves the name to the next one. So does one whose
    time is over: it is given back before, so that it can't be captured after it, too.

    :raises StillRunning: Another hold is open under this name.
    :raises AlreadyPaid: Another hold was captured under this name.
    """
    row = {"owner": owner, "name": name, "hold_key": hold_key, "at": context.clock()}
    with apart(context.engine) as session:
        new = insert(session, PaidRequest).values(row).on_conflict_do_nothing()
        if session.scalar(new.returning(PaidRequest.hold_key)) is not None:
            return
        same = PaidRequest.owner == owner, PaidRequest.name == name
        earlier_key = session.scalar(select(PaidRequest.hold_key).where(*same))
        is_open = earlier_key is not None and _is_open(context, session, owner, earlier_key)
    if earlier_key is not None and is_open:
        _give_back(context, owner, earlier_key)
    taken = update(PaidRequest).where(*same, PaidRequest.hold_key == earlier_key)
    with apart(context.engine) as session:
        mine = taken.values(hold_key=hold_key, at=context.clock()).returning(PaidRequest.name)
        if session.scalar(mine) is None:
            raise StillRunning(RUNS_NOW)


def refuse_repeat(context: Context, owner: str, name: str) -> None:
    """Nothing, if a hold may still pay for what ``name`` names.

    :raises StillRunning: A hold is open under this name.
    :raises AlreadyPaid: A hold was captured under this name.
    """
    same = PaidRequest.owner == owner, PaidRequest.name == name
    with apart(context.engine) as session:
        earlier_key = session.scalar(select(PaidRequest.hold_key).where(*same))
        if earlier_key is not None:
            _is_open(context, session, owner, earlier_key)


def _is_open(context: Context, session: Session, owner: str, hold_key: str) -> bool:
    """Whether a hold is still open though its time is over; if not, it was given back.

    :raises StillRunning: Its time is not over.
    :raises AlreadyPaid: It was captured.
    """
    hold = session.execute(
        select(Hold.state, Hold.expires_at)
        .join(Wallet, Hold.of(Wallet))
        .where(Wallet.owned_by(owner), Hold.key == hold_key)
    ).one_or_none()
    if hold is None:
        return False
    if hold.state is HoldState.CAPTURED:
        raise AlreadyPaid(PAID_BEFORE)
    if hold.state is HoldState.OPEN and hold.expires_at > context.clock():
        raise StillRunning(RUNS_NOW)
    return bool(hold.state is HoldState.OPEN)


def _give_back(context: Context, owner: str, hold_key: str) -> None:
    """
    :raises AlreadyPaid: The hold was captured meanwhile.
    """
    try:
        context.ledger.release(owner, key=hold_key)
    except HoldClosed:
        raise AlreadyPaid(PAID_BEFORE) from None


def forget(context: Context) -> None:
    """Delete the names that are remembered no longer. Commits."""
    with transaction(context) as session:
        session.execute(delete(PaidRequest).where(PaidRequest.at < context.clock() - KEPT))
