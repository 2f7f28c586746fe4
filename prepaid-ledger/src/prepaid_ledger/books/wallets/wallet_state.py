"""A wallet's row: locked, changed, and saved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self, cast

from sqlalchemy import Row, Table, func, select, update
from sqlalchemy.orm import Session

from ...clock import Clock
from ...database.upsert import insert
from ...slots import slot_of
from ...tables import Wallet

_wallet = cast(Table, Wallet.__table__)

#: The columns of ``WalletState``.
WALLET_COLUMNS = (
    _wallet.c.slot,
    _wallet.c.id,
    _wallet.c.owner,
    _wallet.c.balance,
    _wallet.c.held,
    _wallet.c.debt,
    _wallet.c.seq,
    _wallet.c.drawn_seq,
    _wallet.c.next_expiry_at,
    _wallet.c.moved_at,
    _wallet.c.budget_changes,
    _wallet.c.charged,
)


@dataclass
class WalletState:
    """A wallet as it stands.

    Who writes it has it from ``lock``: nobody else can write it until the transaction ends. ``reading/``
    looks at one without its lock. ``now`` was read with the row, and is never before the wallet's last move.
    """

    slot: int
    id: int
    owner: str
    balance: int
    held: int
    debt: int
    seq: int
    drawn_seq: int
    next_expiry_at: datetime | None
    moved_at: datetime
    budget_changes: int
    charged: int
    now: datetime

    @classmethod
    def of_row(cls, row: Row[*tuple[Any, ...]], now: datetime) -> Self:
        """The wallet of a row of ``WALLET_COLUMNS``, at ``now`` or at its last move, if that is later."""
        return cls(**row._mapping, now=max(now, row.moved_at))

    @property
    def available(self) -> int:
        return self.balance - self.held

    @property
    def is_due(self) -> bool:
        """Whether a lot may have ended. ``next_expiry_at`` is a lower bound."""
        return self.next_expiry_at is not None and self.next_expiry_at <= self.now

    def step(self, at: datetime | None = None) -> int:
        """Give out the next ``seq``, for something that happened ``at``, now by default."""
        self.seq += 1
        self.moved_at = max(self.moved_at, at or self.now)
        return self.seq

    def expects_expiry(self, at: datetime | None) -> None:
        """Keep ``next_expiry_at`` at or before ``at``. ``save`` or ``append`` writes it."""
        if at is not None and (self.next_expiry_at is None or at < self.next_expiry_at):
            self.next_expiry_at = at


def lock(session: Session, owner: str, clock: Clock) -> WalletState | None:
    """Keep every other writer off this owner's wallet until the transaction ends.

    ``None`` if the owner has no wallet yet. SQLite has no row locks, and its
    ``SELECT ... FOR UPDATE`` does nothing: an UPDATE takes the write lock there.
    """
    if session.get_bind().dialect.name == "sqlite":
        taking = update(_wallet).where(Wallet.owned_by(owner)).values(seq=_wallet.c.seq)
        row = session.execute(taking.returning(*WALLET_COLUMNS)).one_or_none()
    else:
        reading = select(*WALLET_COLUMNS).where(Wallet.owned_by(owner))
        row = session.execute(reading.with_for_update(key_share=True)).one_or_none()
    return None if row is None else WalletState.of_row(row, clock())


def lock_or_open(session: Session, owner: str, clock: Clock) -> WalletState:
    """Lock the owner's wallet. It comes to life at its first use."""
    wallet = lock(session, owner, clock)
    if wallet is None:
        open_wallets(session, [owner], clock())
        wallet = lock(session, owner, clock)
    assert wallet is not None, "a wallet that was just opened is there"
    return wallet


def open_wallets(session: Session, owners: list[str], now: datetime) -> None:
    """Make the wallets that are not there yet."""
    new = {"balance": 0, "held": 0, "debt": 0, "seq": 0, "drawn_seq": 0, "moved_at": now, "created_at": now}
    rows = [{"slot": slot_of(owner), "owner": owner, **new} for owner in owners]
    new_wallet = insert(session, Wallet)
    if session.get_bind().dialect.name == "sqlite":  # it counts up by itself only what is a key alone
        new_wallet = new_wallet.values(id=select(func.coalesce(func.max(Wallet.id), 0) + 1).scalar_subquery())
    session.execute(new_wallet.on_conflict_do_nothing(index_elements=["owner", "slot"]), rows)


def save(session: Session, wallet: WalletState) -> None:
    """Write the wallet's row as it stands now."""
    session.execute(
        update(_wallet)
        .where(_wallet.c.slot == wallet.slot, _wallet.c.id == wallet.id)
        .values(
            balance=wallet.balance,
            held=wallet.held,
            debt=wallet.debt,
            seq=wallet.seq,
            drawn_seq=wallet.drawn_seq,
            next_expiry_at=wallet.next_expiry_at,
            moved_at=wallet.moved_at,
            charged=wallet.charged,
        )
    )
