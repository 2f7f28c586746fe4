"""The credits that a plan gives each period that is paid, and what becomes of the last ones."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from ..clock import Clock
from ..tables import Entry, Kind
from .entries import come_in
from .expiry import end, expire, finish
from .lots.lot_store import LotStore
from .lots.lots import LotState
from .wallets.posting import Posting, append, begin
from .wallets.wallet_state import WalletState, lock

#: A renewal is paid an hour after the period's end, or days later on a retry.
ALLOWANCE_GRACE = timedelta(hours=72)

#: Kinds of entries whose credits can move to another end.
MOVABLE = (Kind.GRANT, Kind.PURCHASE, Kind.ALLOWANCE)


def allowance(
    session: Session,
    owner: str,
    posting: Posting,
    clock: Clock,
    *,
    roll_over: int = 0,
    replacing: Collection[str] | None = None,
) -> Entry:
    """Give the credits of a period that was paid, once. A debt is paid from them first.

    What is left of earlier allowances ends now, by name, but for ``roll_over`` credits of
    it: those move up, and end with the new ones. Where they have room for what is held of one, too, it goes
    on for that: what a hold gives back has the end that it had.

    :param replacing: The keys of the allowances that end now; by default all of the owner's.
    :raises KeyReused: The key has posted something else.
    """
    assert posting.expires_at is not None, "an allowance ends"
    wallet, earlier = begin(session, owner, posting, clock)
    if earlier is not None:
        return earlier
    store = expire(session, wallet)
    for lot in store.lots.in_order():
        if not lot.ended and _is_replaced(session, wallet, lot, replacing):
            moved_up = min(lot.left, roll_over)
            roll_over -= moved_up
            keeps_held = 0 < lot.held <= roll_over
            if keeps_held:
                roll_over -= lot.held
            if lot.left or not keeps_held:
                _supersede(store, lot, moved_up, posting.expires_at, keeps_held=keeps_held)
    given = come_in(session, wallet, posting)
    finish(store)
    return given


def move_end(session: Session, owner: str, key: str, expires_at: datetime, clock: Clock) -> None:
    """Let what is left of the credits that ``key`` gave end at another time. A repeat does nothing.

    Entries are never changed: the lot ends now, by name, and its rest moves to one that ends then. Where some
    of it is held, the lot goes on for that: what a hold gives back has the end that it had.

    :raises ValueError: An adjustment or a reversal gave them, or what was clawed back came again.
    """
    wallet = lock(session, owner, clock)
    if wallet is None:
        return
    store = expire(session, wallet)
    for lot in store.lots.in_order():
        if lot.ended or not lot.left or lot.expires_at == expires_at:
            continue
        origin = _origin(session, wallet, lot)
        if origin.key == key:
            if origin.kind not in MOVABLE:
                movable = "Give the key of a grant, a purchase or an allowance."
                raise ValueError(f"{key!r} is of the kind {origin.kind}. {movable}")
            lasts = expires_at > wallet.now
            _supersede(store, lot, lot.left if lasts else 0, expires_at, keeps_held=lasts and lot.held > 0)
    finish(store)


def _origin(session: Session, wallet: WalletState, lot: LotState) -> Entry:
    """The entry that gave a lot's credits first, or gave them again with an end of their own.

    What a clawback took of a lot is of it as before where it came back before the lot's end.
    """
    entry = _entry(session, wallet, lot.seq)
    while entry.key.startswith("rollover:"):  # it moved up from one that ended
        entry = _entry(session, wallet, entry.refers_to_seq)
    if entry.kind is not Kind.CLAWBACK:
        return entry
    clawed = _entry(session, wallet, entry.refers_to_seq)
    first = _entry(session, wallet, clawed.refers_to_seq)
    return first if first.expires_at == entry.expires_at else entry


def _entry(session: Session, wallet: WalletState, seq: int | None) -> Entry:
    return session.get_one(Entry, (wallet.id, wallet.slot, seq))


def _is_replaced(session: Session, wallet: WalletState, lot: LotState, keys: Collection[str] | None) -> bool:
    entry = _origin(session, wallet, lot)
    return entry.kind is Kind.ALLOWANCE and (keys is None or entry.key in keys)


def _supersede(
    store: LotStore, lot: LotState, moved_up: int, expires_at: datetime, *, keeps_held: bool = False
) -> None:
    """End an earlier lot now, and move ``moved_up`` of its credits to a new one.

    :param keeps_held: The lot goes on for what of it is held.
    """
    session, wallet = store.session, store.wallet
    origin = _origin(session, wallet, lot)
    until = expires_at if keeps_held else None
    end(session, wallet, lot, early=True, moves_up=moved_up, until=until)
    if not moved_up:
        return
    moved = Posting(
        origin.kind,
        moved_up,
        key=f"rollover:{lot.seq}:{wallet.seq + 1}",
        refers_to_seq=lot.seq,
        expires_at=expires_at,
        reason=origin.reason,
    )
    append(session, wallet, moved.at_price_of(origin))
