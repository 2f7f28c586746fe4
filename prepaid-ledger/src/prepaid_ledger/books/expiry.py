"""What is due by now: lots that end, and holds whose time is over.

Every write carries ``next_expiry_at > now`` in its condition, so credits expire at the
second they are due even if nobody swept; an overdue hold is released by the write that
would be refused otherwise.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from ..tables import Kind
from . import hold_states
from .lots.lot_store import LotStore, has_returns_to_expire
from .lots.lots import LotState
from .wallets.posting import Posting, append
from .wallets.wallet_state import WalletState, save


def bring_up_to_date(session: Session, wallet: WalletState, *, needed: int = 0) -> None:
    """Write what is due in the wallet by ``wallet.now``.

    :param needed: Overdue holds are released only if fewer credits than this are available.
    """
    if wallet.is_due:
        expire(session, wallet)
    if needed > wallet.available:
        release_overdue(session, wallet)


def release_overdue(session: Session, wallet: WalletState) -> int:
    """Give back what overdue holds set aside, but for what meters have counted; how many there were."""
    overdue = hold_states.overdue(session, wallet)
    for hold in overdue:
        hold_states.expire(session, wallet, hold)
    if overdue:
        after_release(session, wallet)
    return len(overdue)


def after_release(session: Session, wallet: WalletState) -> None:
    """Credits came back to lots; to one that is over they came too late."""
    if wallet.is_due or has_returns_to_expire(session, wallet):
        expire(session, wallet)


def expire(session: Session, wallet: WalletState) -> LotStore:
    """Take the rest of each lot that is over: what is neither spent nor held."""
    store = LotStore(session, wallet, keep=True)
    for lot in store.lots.over(wallet.now):
        end(session, wallet, lot)
    finish(store)
    return store


def end(
    session: Session,
    wallet: WalletState,
    lot: LotState,
    *,
    early: bool = False,
    moves_up: int = 0,
    until: datetime | None = None,
) -> None:
    """Write the expiry that ends a lot, dated when it was due, or now if it ends ``early``.

    Of zero credits where the lot is used up, and its end still matters. What would lapse pays a debt first:
    it came back from a spend or a hold after its money had gone.

    :param moves_up: So many of its credits do not lapse, but move to another lot.
    :param until: When they end there. The lot itself goes on then: what of it is held keeps its end.
    """
    at = None if lot.ended or early else lot.expires_at
    repaid = min(wallet.debt, lot.left - moves_up)
    if repaid:
        key = f"repay:{lot.seq}:{wallet.seq + 1}"
        repayment = Posting(Kind.CLAWBACK, -repaid, key, debt=-repaid, refers_to_seq=lot.seq, at=at)
        append(session, wallet, repayment)
    key = f"expiry:{lot.seq}:{wallet.seq + 1}"
    ended = Posting(Kind.EXPIRY, repaid - lot.left, key, refers_to_seq=lot.seq, at=at, expires_at=until)
    append(session, wallet, ended)


def finish(store: LotStore) -> None:
    """Draw what was just written, and say when the next lot ends."""
    store.catch_up()
    store.wallet.next_expiry_at = store.lots.next_expiry_at(store.wallet.now)
    save(store.session, store.wallet)


def write_all_due(session: Session, wallet: WalletState) -> None:
    """Write everything that is due, and draw ahead, so that no refund has to draw years."""
    expire(session, wallet)
    release_overdue(session, wallet)
