"""The credits that a plan gives each period that is paid, and what becomes of the last ones."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from .. import clock as clocks
from ..clock import Clock
from ..tables import Entry, Kind
from .entries import receive
from .expiry import end, expire, finish
from .lots import LotState
from .posting import Locked, append, check_credits, check_key, check_owner, lock, lock_or_open, repeat

#: A renewal is paid an hour after the period's end, or days later on a retry.
GRACE = timedelta(hours=72)


def allowance(
    session: Session,
    owner: str,
    credits: int,
    *,
    key: str,
    period_end: datetime,
    amount_minor: int,
    currency: str,
    grace: timedelta = GRACE,
    roll_over: int = 0,
    replacing: Collection[str] | None = None,
    clock: Clock = clocks.wall,
) -> Entry:
    """Give the credits of a period that was paid, once. A debt is paid from them first.

    What is left of earlier allowances ends now, by name, but for ``roll_over`` credits of
    it: those move up, and end with the new ones.

    :param key: Names the invoice, ``invoice:in_1``.
    :param period_end: When the period ends; the credits last for ``grace`` more.
    :param amount_minor: What was paid, in the smallest unit of ``currency``.
    :param replacing: The keys of the allowances that end now; by default all of the owner's.
    :raises KeyReused: The key has posted something else.
    """
    check_credits(credits)
    check_key(key)
    check_owner(owner)
    wallet = lock_or_open(session, owner, clock)
    earlier = repeat(
        session, wallet, key, Kind.ALLOWANCE, credits, amount_minor=amount_minor, currency=currency
    )
    if earlier is not None:
        return earlier
    expires_at = period_end + grace
    drawing = expire(session, wallet)
    for lot in sorted(drawing.lots.lots.values(), key=lambda lot: lot.order):
        if not lot.ended and _is_replaced(session, wallet, lot, replacing):
            roll_over -= _supersede(session, wallet, lot, min(lot.left, roll_over), expires_at)
    given = receive(
        session,
        wallet,
        Kind.ALLOWANCE,
        credits,
        key=key,
        expires_at=expires_at,
        amount_minor=amount_minor,
        currency=currency,
    )
    finish(session, drawing)
    return given


def add_to_allowance(
    session: Session,
    owner: str,
    credits: int,
    *,
    key: str,
    period_end: datetime,
    amount_minor: int,
    currency: str,
    clock: Clock = clocks.wall,
) -> Entry:
    """Give what an upgrade adds to the running period, until the period's end and no longer.

    :param key: Names the upgrade's invoice.
    :raises KeyReused: The key has posted something else.
    """
    check_credits(credits)
    check_key(key)
    check_owner(owner)
    wallet = lock_or_open(session, owner, clock)
    earlier = repeat(
        session, wallet, key, Kind.ALLOWANCE, credits, amount_minor=amount_minor, currency=currency
    )
    if earlier is not None:
        return earlier
    return receive(
        session,
        wallet,
        Kind.ALLOWANCE,
        credits,
        key=key,
        expires_at=period_end,
        amount_minor=amount_minor,
        currency=currency,
    )


def move_end(
    session: Session, owner: str, *, key: str, expires_at: datetime, clock: Clock = clocks.wall
) -> None:
    """Let what is left of the credits that ``key`` gave end at another time. A repeat does nothing.

    Entries are never changed: the lot ends now, by name, and its rest moves to one that ends then. What is
    spent, held or over by now stays as it is.
    """
    wallet = lock(session, owner, clock)
    if wallet is None:
        return
    drawing = expire(session, wallet)
    for lot in list(drawing.lots.lots.values()):
        if lot.ended or not lot.left or lot.expires_at == expires_at:
            continue
        if _origin(session, wallet, lot).key == key:
            _supersede(session, wallet, lot, lot.left, expires_at)
    finish(session, drawing)


def _origin(session: Session, wallet: Locked, lot: LotState) -> Entry:
    """The entry that gave a lot's credits first."""
    entry = session.get_one(Entry, (wallet.id, lot.seq))
    while entry.key.startswith("rollover:"):  # it moved up from one that ended
        entry = session.get_one(Entry, (wallet.id, entry.names))
    return entry


def _is_replaced(session: Session, wallet: Locked, lot: LotState, keys: Collection[str] | None) -> bool:
    entry = _origin(session, wallet, lot)
    return entry.kind is Kind.ALLOWANCE and (keys is None or entry.key in keys)


def _supersede(session: Session, wallet: Locked, lot: LotState, moved_up: int, expires_at: datetime) -> int:
    """End an earlier lot now; how many of its credits have moved up to a new one."""
    old = session.get_one(Entry, (wallet.id, lot.seq))
    end(session, wallet, lot, early=True)
    if moved_up:
        price = None if old.amount_minor is None else old.amount_minor * moved_up // old.credits
        append(
            session,
            wallet,
            old.kind,
            moved_up,
            key=f"rollover:{lot.seq}:{wallet.seq + 1}",
            names=lot.seq,
            expires_at=expires_at,
            amount_minor=price,
            currency=old.currency,
            reason=old.reason,
        )
    return moved_up
