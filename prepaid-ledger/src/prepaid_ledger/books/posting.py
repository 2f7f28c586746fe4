"""How every posting is written: take the wallet's lock, look for the key, append.

An entry and the move of its wallet's balance are two statements of one transaction,
and nothing in between can be caught and committed: ``append`` is the only writer of
entries but for the batch of ``group_commit``, which writes both in one statement.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import Table, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from ..clock import Clock
from ..errors import KeyReused
from ..tables import Entry, Kind, Wallet

#: More credits than this in one posting are a mistake, and sums of many still fit the columns.
MOST = 10**15

#: Keys that begin so are the ledger's own.
OWN_KEYS = ("expiry:", "hold:", "repay:", "reversal:", "rollover:")

_wallet = cast(Table, Wallet.__table__)

STANDING = (
    _wallet.c.id,
    _wallet.c.owner,
    _wallet.c.balance,
    _wallet.c.held,
    _wallet.c.debt,
    _wallet.c.seq,
    _wallet.c.drawn_seq,
    _wallet.c.next_expiry_at,
    _wallet.c.moved_at,
)


@dataclass
class Locked:
    """A wallet that nobody else can write until the transaction ends, as it stands.

    ``now`` was read under the lock and is never before the wallet's last move.
    """

    id: int
    owner: str
    balance: int
    held: int
    debt: int
    seq: int
    drawn_seq: int
    next_expiry_at: datetime | None
    moved_at: datetime
    now: datetime

    @property
    def available(self) -> int:
        return self.balance - self.held

    @property
    def due(self) -> bool:
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


def lock(session: Session, owner: str, clock: Clock) -> Locked | None:
    """Keep every other writer off this owner's wallet until the transaction ends.

    ``None`` if the owner has no wallet yet. SQLite has no row locks, and its
    ``SELECT ... FOR UPDATE`` does nothing: an UPDATE takes the write lock there.
    """
    if session.get_bind().dialect.name == "sqlite":
        taking = update(_wallet).where(_wallet.c.owner == owner).values(seq=_wallet.c.seq)
        row = session.execute(taking.returning(*STANDING)).one_or_none()
    else:
        reading = select(*STANDING).where(_wallet.c.owner == owner)
        row = session.execute(reading.with_for_update(key_share=True)).one_or_none()
    if row is None:
        return None
    return Locked(**row._mapping, now=max(clock(), row.moved_at))


def lock_or_open(session: Session, owner: str, clock: Clock) -> Locked:
    """The same, and a wallet comes to life at its first use."""
    wallet = lock(session, owner, clock)
    if wallet is None:
        open_wallets(session, [owner], clock())
        wallet = lock(session, owner, clock)
    assert wallet is not None, "a wallet that was just opened is there"
    return wallet


def open_wallets(session: Session, owners: list[str], now: datetime) -> None:
    """Make the wallets that are not there yet.

    ON CONFLICT rather than a SAVEPOINT: on SQLite, one that is a transaction's first
    write would commit when released.
    """
    new = {"balance": 0, "held": 0, "debt": 0, "seq": 0, "drawn_seq": 0}
    rows = [{"owner": owner, **new, "moved_at": now, "created_at": now} for owner in owners]
    conflict_free = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    session.execute(conflict_free(_wallet).on_conflict_do_nothing(index_elements=["owner"]), rows)


def find(session: Session, wallet: Locked, key: str) -> Entry | None:
    """The entry that the key has posted in this wallet."""
    return session.scalar(select(Entry).where(Entry.wallet_id == wallet.id, Entry.key == key))


def repeat(
    session: Session, wallet: Locked, key: str, kind: Kind, credits: int | None, **said: object
) -> Entry | None:
    """The first entry of a key that comes again, or ``None`` when it is new.

    :param credits: Signed; ``None`` where the ledger worked them out itself.
    :param said: What else the two must agree on, by column.
    :raises KeyReused: The key has posted something else.
    """
    earlier = find(session, wallet, key)
    if earlier is None:
        return None
    agrees = earlier.kind is kind and credits in (None, earlier.credits)
    if not agrees or any(getattr(earlier, name) != value for name, value in said.items()):
        raise KeyReused(key)
    return earlier


def append(
    session: Session,
    wallet: Locked,
    kind: Kind,
    credits: int,
    *,
    key: str,
    debt: int = 0,
    names: int | None = None,
    expires_at: datetime | None = None,
    amount_minor: int | None = None,
    currency: str | None = None,
    reason: str | None = None,
    at: datetime | None = None,
) -> Entry:
    """Write one entry, and move the wallet with it.

    :param credits: Signed: positive adds, negative takes.
    :param at: When it happened, if before now; times never go back inside a wallet.
    :param debt: Signed: by how much the wallet owes more, or less.
    """
    wallet.step(at)
    wallet.balance += credits
    wallet.debt += debt
    if credits > 0:
        wallet.expects_expiry(expires_at)
    save(session, wallet)
    posting = insert(Entry).values(
        wallet_id=wallet.id,
        seq=wallet.seq,
        kind=kind,
        key=key,
        credits=credits,
        debt=debt,
        balance_after=wallet.balance,
        at=wallet.moved_at,
        names=names,
        expires_at=expires_at,
        amount_minor=amount_minor,
        currency=currency,
        reason=reason,
    )
    return session.scalars(posting.returning(Entry)).one()


def save(session: Session, wallet: Locked) -> None:
    """Write the wallet's row as it stands now."""
    session.execute(
        update(_wallet)
        .where(_wallet.c.id == wallet.id)
        .values(
            balance=wallet.balance,
            held=wallet.held,
            debt=wallet.debt,
            seq=wallet.seq,
            drawn_seq=wallet.drawn_seq,
            next_expiry_at=wallet.next_expiry_at,
            moved_at=wallet.moved_at,
        )
    )


def check_owner(owner: str) -> None:
    """:raises ValueError: The owner is empty, longer than 64 characters, or holds a NUL."""
    if not isinstance(owner, str) or not 1 <= len(owner) <= 64 or "\x00" in owner:
        raise ValueError("an owner is a text of 1 to 64 characters, such as user:42")


def check_key(key: str) -> None:
    """:raises ValueError: The key is empty, longer than 120 characters, or the ledger's own."""
    if not isinstance(key, str) or not 1 <= len(key) <= 120 or "\x00" in key:
        raise ValueError("a key is a text of 1 to 120 characters that names the cause, such as report:17")
    if key.startswith(OWN_KEYS):
        raise ValueError(f"keys that begin with {key.split(':')[0]}: are the ledger's own")


def check_credits(credits: int) -> None:
    """:raises ValueError: It is not a whole number from 1 on."""
    if not isinstance(credits, int) or isinstance(credits, bool) or not 1 <= credits <= MOST:
        raise ValueError(f"credits are a whole number from 1 to {MOST:,}, not {credits!r}")
