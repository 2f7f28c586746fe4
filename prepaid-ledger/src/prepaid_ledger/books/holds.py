"""Credits set aside for work that is not done yet: hold, then capture or release.

Every verb is one short transaction of the caller's, so that no lock is held while the
work is done. A hold is known by its owner and key, in any process.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from ..clock import Clock
from ..database.types import Quantities
from ..errors import HoldClosed, InsufficientCredits, KeyReused, credits_are
from ..tables import Hold, HoldState
from . import hold_states
from .entries import charge, require
from .expiry import after_release, bring_up_to_date
from .posting import LockedWallet, check_credits, check_key, lock, save, use_of
from .uses import UNSAID, Use


def hold(
    session: Session,
    owner: str,
    credits: int,
    *,
    key: str,
    use: Use = UNSAID,
    expires_after: timedelta,
    clock: Clock,
    debt_blocks: bool,
) -> Hold:
    """Set ``credits`` aside. The same key again returns the same hold, open or not.

    :param expires_after: From then on anyone who needs the credits may release it.
    :raises InsufficientCredits: Fewer are available.
    :raises WalletBlocked: The wallet owes credits.
    :raises BudgetExceeded: A budget has fewer left.
    :raises KeyReused: The key holds another number of credits, or for another use.
    """
    check_credits(credits)
    check_key(key)
    wallet = lock(session, owner, clock)
    if wallet is None:
        raise InsufficientCredits(owner, needed=credits, available=0)
    earlier = _find(session, wallet, key)
    if earlier is not None:
        if earlier.credits != credits or use_of(earlier).gist != use.gist:
            raise KeyReused(key)
        return earlier
    require(session, wallet, credits, debt_blocks=debt_blocks)
    charge(session, wallet, credits, spender=use.spender)
    wallet.step()
    wallet.held += credits
    save(session, wallet)
    opened = insert(Hold).values(
        wallet_id=wallet.id,
        seq=wallet.seq,
        key=key,
        credits=credits,
        captured=0,
        state=HoldState.OPEN,
        at=wallet.now,
        expires_at=wallet.now + expires_after,
        spender=use.spender,
        item=use.item,
        quantity=use.quantity,
        price_version=use.price_version,
    )
    return session.scalars(opened.returning(Hold)).one()


def capture(
    session: Session,
    owner: str,
    *,
    key: str,
    credits: int | None = None,
    item: str | None = None,
    quantity: Quantities | None = None,
    price_version: str | None = None,
    clock: Clock,
) -> Hold:
    """Take ``credits`` of a hold, all of it by default; the rest goes back.

    Captured again with the same credits, it returns the hold and moves nothing. Capturing
    0 is a release. It is not too late as long as nobody has needed the credits.

    :param item: What was bought in the end; it may only be said where the hold does not say it.
    :param quantity: How much it was in the end; that of the hold by default. So is ``price_version``.

    :raises HoldClosed: It has ended otherwise, or there is no such hold.
    :raises ValueError: More is captured than is held, or for another item.
    """
    wallet, hold = _lock_hold(session, owner, key, clock)
    credits = hold.credits if credits is None else credits
    if credits != 0:
        check_credits(credits)
    if credits > hold.credits:
        raise ValueError(f"{credits_are(hold.credits)} held, {credits} cannot be captured")
    if item is not None and hold.item not in (None, item):
        raise ValueError(f"item of the hold is {hold.item!r}, {item!r} cannot be captured")
    if hold.state is HoldState.CAPTURED and hold.captured == credits:
        return hold
    if credits == 0:
        return _give_back(session, wallet, hold)
    use = use_of(hold)
    use = replace(
        use,
        item=use.item if item is None else item,
        quantity=use.quantity if quantity is None else quantity,
        price_version=price_version or use.price_version,
    )
    hold_states.close(session, wallet, hold, "capture", captured=credits, use=use)
    if credits < hold.credits:
        after_release(session, wallet)
    return hold


def release(session: Session, owner: str, *, key: str, clock: Clock) -> Hold:
    """Give all of a hold back. Released or expired already, it moves nothing.

    :raises HoldClosed: It was captured, or there is no such hold.
    """
    wallet, hold = _lock_hold(session, owner, key, clock)
    return _give_back(session, wallet, hold)


def _give_back(session: Session, wallet: LockedWallet, hold: Hold) -> Hold:
    if hold.state not in (HoldState.RELEASED, HoldState.EXPIRED):
        hold_states.close(session, wallet, hold, "release")
        after_release(session, wallet)
    return hold


def _lock_hold(session: Session, owner: str, key: str, clock: Clock) -> tuple[LockedWallet, Hold]:
    check_key(key)
    wallet = lock(session, owner, clock)
    hold = _find(session, wallet, key) if wallet else None
    if wallet is None or hold is None:
        raise HoldClosed(f"there is no hold {key!r}")
    bring_up_to_date(session, wallet)
    return wallet, hold


def _find(session: Session, wallet: LockedWallet, key: str) -> Hold | None:
    return session.scalar(
        select(Hold)
        .where(Hold.wallet_id == wallet.id, Hold.key == key)
        .execution_options(populate_existing=True)
    )
