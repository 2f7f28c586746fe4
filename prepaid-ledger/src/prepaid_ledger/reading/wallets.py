"""What a wallet holds, read without writing: as of now, also where a lot's end has not been written yet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..books import hold_states
from ..books.lots.lot_store import LotStore
from ..books.lots.lots import Closed, Lots, LotState
from ..books.wallets.wallet_state import WALLET_COLUMNS, WalletState
from ..clock import Clock
from ..tables import Entry, Hold, Kind, Wallet


@dataclass(frozen=True)
class WalletSummary:
    """What an owner has, in whole credits. ``balance`` includes what open holds set aside."""

    owner: str
    balance: int = 0
    held: int = 0
    debt: int = 0

    @property
    def available(self) -> int:
        return self.balance - self.held


@dataclass(frozen=True)
class LotSummary:
    """What is left of credits that came in together. ``held`` of them are set aside."""

    key: str
    kind: Kind
    credits: int
    left: int
    held: int
    expires_at: datetime | None
    amount_minor: int | None
    currency: str | None
    came_at: datetime


def find_wallet(session: Session, owner: str, now: datetime) -> WalletState | None:
    """The wallet as it stands, without its lock."""
    row = session.execute(select(*WALLET_COLUMNS).where(Wallet.owned_by(owner))).one_or_none()
    return None if row is None else WalletState.of_row(row, now)


def summary(session: Session, owner: str, *, clock: Clock) -> WalletSummary:
    """What ``owner`` has now; nothing for an owner that was never heard of."""
    wallet = find_wallet(session, owner, clock())
    if wallet is None:
        return WalletSummary(owner)
    overdue = hold_states.overdue(session, wallet) if wallet.held else []
    ends = 0
    if wallet.is_due or overdue:
        ends = sum(lot.left for lot in _lots_now(session, wallet, overdue).over(wallet.now))
    held = wallet.held - sum(hold.credits for hold in overdue)
    counted = sum(hold.counted or 0 for hold in overdue)
    debt = max(0, wallet.debt - ends)  # what ends pays a debt first
    return WalletSummary(owner, wallet.balance - ends - counted, held, debt)


def _lots_now(session: Session, wallet: WalletState, overdue: list[Hold]) -> Lots:
    """The lots as of now, with what overdue holds would give back."""
    lots = LotStore(session, wallet, keep=False).lots
    for hold in overdue:
        lots.feed(Closed(wallet.step(), hold.seq, hold.key, hold.credits, hold.counted or 0, wallet.now))
    return lots


def lots(session: Session, owner: str, *, clock: Clock) -> list[LotSummary]:
    """What is left of each lot, in the order in which they are drawn."""
    wallet = find_wallet(session, owner, clock())
    if wallet is None:
        return []
    lots_now = _lots_now(session, wallet, hold_states.overdue(session, wallet))
    live = [lot for lot in lots_now.in_order() if lot.held or (lot.left and not lot.is_over(wallet.now))]
    seqs = [lot.seq for lot in live]
    came_in = select(Entry).where(Entry.of(wallet), Entry.seq.in_(seqs))
    entries = {entry.seq: entry for entry in session.scalars(came_in)}
    return [_summary_of_lot(lot, entries[lot.seq], wallet.now) for lot in live]


def _summary_of_lot(lot: LotState, entry: Entry, now: datetime) -> LotSummary:
    return LotSummary(
        key=entry.key,
        kind=entry.kind,
        credits=entry.credits,
        left=0 if lot.is_over(now) else lot.left,
        held=lot.held,
        expires_at=lot.expires_at,
        amount_minor=entry.amount_minor,
        currency=entry.currency,
        came_at=entry.at,
    )
