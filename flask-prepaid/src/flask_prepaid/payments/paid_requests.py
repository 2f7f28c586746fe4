"""A request that pays once under the key that its client gave, such as an ``Idempotency-Key``."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from prepaid_ledger import HoldState
from prepaid_ledger.database import insert
from prepaid_ledger.tables import Hold, Wallet

from ..context import Context, apart, transaction
from ..errors import AlreadyPaid, StillRunning
from .models import PaidRequest

#: How long a key is remembered. After that it pays again.
KEPT = timedelta(days=30)


def claim(context: Context, owner: str, name: str, hold_key: str) -> None:
    """Note that this hold pays for what ``name`` names, unless another one does. Commits by itself.

    Of two at once, one gets it. A hold that was given back leaves the name to the next one.

    :raises StillRunning: Another hold is open under this name.
    :raises AlreadyPaid: Another hold was captured under this name.
    """
    row = {"owner": owner, "name": name, "hold_key": hold_key, "at": context.clock()}
    with apart(context.engine) as session:
        new = insert(session, PaidRequest).values(row).on_conflict_do_nothing()
        if session.scalar(new.returning(PaidRequest.hold_key)) is None:
            _take_over(context, session, owner, name, hold_key)


def _take_over(context: Context, session: Session, owner: str, name: str, hold_key: str) -> None:
    same = PaidRequest.owner == owner, PaidRequest.name == name
    earlier_key = session.scalar(select(PaidRequest.hold_key).where(*same))
    earlier = session.execute(
        select(Hold.state, Hold.expires_at)
        .join(Wallet, Wallet.id == Hold.wallet_id)
        .where(Wallet.owner == owner, Hold.key == earlier_key)
    ).one_or_none()
    if earlier is not None and earlier.state is HoldState.CAPTURED:
        raise AlreadyPaid("This was done, and paid for, before: the same key came a second time.")
    if earlier is not None and earlier.state is HoldState.OPEN and earlier.expires_at > context.clock():
        raise StillRunning("This is being done just now: the same key came a second time.")
    taken = update(PaidRequest).where(*same, PaidRequest.hold_key == earlier_key)
    mine = taken.values(hold_key=hold_key, at=context.clock()).returning(PaidRequest.name)
    if session.scalar(mine) is None:
        raise StillRunning("This is being done just now: the same key came a second time.")


def forget(context: Context) -> None:
    """Delete the names that are remembered no longer. Commits."""
    with transaction(context) as session:
        session.execute(delete(PaidRequest).where(PaidRequest.at < context.clock() - KEPT))
