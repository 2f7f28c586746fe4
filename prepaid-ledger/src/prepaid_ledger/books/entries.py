"""What moves credits, in the caller's transaction: the caller commits.

Each verb locks the wallet, looks for its key, refuses, writes, in this order. A key
posts once in its wallet: again with the same arguments it returns the first entry and
moves nothing. ``clock`` is read under the lock.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from .. import clock as clocks
from ..clock import Clock
from ..errors import InsufficientCredits, WalletBlocked
from ..tables import Entry, Kind
from .clawbacks import claw_back, restore
from .expiry import settle
from .posting import Locked, append, check_credits, check_key, check_owner, lock, lock_or_open, repeat

__all__ = ["adjust", "claw_back", "grant", "post_purchase", "restore", "spend"]


def spend(
    session: Session,
    owner: str,
    credits: int = 1,
    *,
    key: str,
    clock: Clock = clocks.wall,
    debt_blocks: bool = True,
    reason: str | None = None,
) -> Entry:
    """Take ``credits`` for something that is delivered in the same transaction.

    Call it last: other writers of this wallet wait until the caller commits.

    :param debt_blocks: Whether a wallet that owes credits is refused.
    :raises InsufficientCredits: Fewer are available.
    :raises WalletBlocked: The wallet owes credits.
    :raises KeyReused: The key has posted something else.
    """
    entry, _is_new = spend_once(
        session, owner, credits, key=key, clock=clock, debt_blocks=debt_blocks, reason=reason
    )
    return entry


def spend_once(
    session: Session,
    owner: str,
    credits: int,
    *,
    key: str,
    clock: Clock,
    debt_blocks: bool,
    reason: str | None = None,
) -> tuple[Entry, bool]:
    """The same, and whether this call has spent or an earlier one."""
    check_credits(credits)
    check_key(key)
    wallet = lock(session, owner, clock)
    if wallet is None:
        raise InsufficientCredits(owner, needed=credits, available=0)
    earlier = repeat(session, wallet, key, Kind.SPEND, -credits)
    if earlier is not None:
        return earlier, False
    make_sure(session, wallet, credits, debt_blocks=debt_blocks)
    return append(session, wallet, Kind.SPEND, -credits, key=key, reason=reason), True


def make_sure(session: Session, wallet: Locked, credits: int, *, debt_blocks: bool) -> None:
    """Refuse to take ``credits`` that are not there, once all that is due has been done."""
    settle(session, wallet, needed=credits)
    if debt_blocks and wallet.debt > 0:
        raise WalletBlocked(wallet.owner, debt=wallet.debt)
    if wallet.available < credits:
        raise InsufficientCredits(wallet.owner, needed=credits, available=wallet.available)


def grant(
    session: Session,
    owner: str,
    credits: int,
    *,
    key: str,
    reason: str,
    expires_at: datetime | None = None,
    clock: Clock = clocks.wall,
) -> Entry:
    """Give ``credits`` that nobody paid for. A debt is paid from them first.

    :param expires_at: When what is left of them ends; the first call's stands.
    :raises KeyReused: The key has posted something else.
    """
    check_credits(credits)
    check_key(key)
    check_owner(owner)
    wallet = lock_or_open(session, owner, clock)
    earlier = repeat(session, wallet, key, Kind.GRANT, credits)
    if earlier is not None:
        return earlier
    return receive(session, wallet, Kind.GRANT, credits, key=key, expires_at=expires_at, reason=reason)


def post_purchase(
    session: Session,
    owner: str,
    credits: int,
    *,
    key: str,
    amount_minor: int,
    currency: str,
    expires_at: datetime | None = None,
    clock: Clock = clocks.wall,
) -> Entry:
    """Give ``credits`` that were paid for, once. A debt is paid from them first.

    :param key: Names our payment row, ``payment:17``, never a Stripe id.
    :param amount_minor: What was paid, in the smallest unit of ``currency``; 0 under a full discount.
    :param expires_at: When what is left of them ends; the first call's stands.
    :raises KeyReused: The key has posted something else.
    """
    check_credits(credits)
    check_key(key)
    check_owner(owner)
    paid = {"amount_minor": amount_minor, "currency": currency}
    wallet = lock_or_open(session, owner, clock)
    earlier = repeat(session, wallet, key, Kind.PURCHASE, credits, **paid)
    if earlier is not None:
        return earlier
    return receive(
        session,
        wallet,
        Kind.PURCHASE,
        credits,
        key=key,
        expires_at=expires_at,
        amount_minor=amount_minor,
        currency=currency,
    )


def receive(
    session: Session,
    wallet: Locked,
    kind: Kind,
    credits: int,
    *,
    key: str,
    expires_at: datetime | None = None,
    amount_minor: int | None = None,
    currency: str | None = None,
    reason: str | None = None,
) -> Entry:
    """Write a lot that comes in, and pay the wallet's debt from it."""
    lot = append(
        session,
        wallet,
        kind,
        credits,
        key=key,
        expires_at=expires_at,
        amount_minor=amount_minor,
        currency=currency,
        reason=reason,
    )
    repaid = min(wallet.debt, credits)
    if repaid:
        append(session, wallet, Kind.CLAWBACK, -repaid, key=f"repay:{lot.seq}", debt=-repaid, names=lot.seq)
    return lot


def adjust(
    session: Session,
    owner: str,
    credits: int,
    *,
    key: str,
    reason: str,
    clock: Clock = clocks.wall,
) -> Entry:
    """Correct a wallet by hand, in either direction; the mistake itself stays on the record.

    :param credits: Signed: positive adds credits that don't expire, negative takes.
    :raises InsufficientCredits: Fewer are available than are taken.
    :raises KeyReused: The key has posted something else.
    """
    check_credits(abs(credits) if isinstance(credits, int) else credits)
    check_key(key)
    check_owner(owner)
    wallet = lock_or_open(session, owner, clock)
    earlier = repeat(session, wallet, key, Kind.ADJUSTMENT, credits)
    if earlier is not None:
        return earlier
    if credits < 0:
        make_sure(session, wallet, -credits, debt_blocks=False)
    return append(session, wallet, Kind.ADJUSTMENT, credits, key=key, reason=reason)
