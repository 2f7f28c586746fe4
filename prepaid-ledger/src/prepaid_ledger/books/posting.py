"""How every posting is written: take the wallet's lock, look for the key, append.

An entry and the move of its wallet's balance are two statements of one transaction,
and nothing in between can be caught and committed. ``append`` writes the entries of all
verbs. Two write many at once, by statements of their own: ``sweep.py`` grants for many
owners, and ``spends/sqlite_batch.py`` and ``spends/postgresql_batch.py`` spends.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self, cast

from sqlalchemy import Row, Table, func, select, update
from sqlalchemy import insert as plain_insert
from sqlalchemy.orm import Session

from ..checks import check_adjustment, check_credits, check_key, check_money, check_owner, check_reason
from ..clock import Clock, check_time
from ..database.upsert import insert
from ..errors import KeyReused, NothingToReverse
from ..slots import slot_of
from ..tables import Entry, Hold, Kind, Wallet
from .uses import UNSAID, Use

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


@dataclass(frozen=True)
class Posting:
    """What an entry says, before it has a place in its wallet.

    :param credits: Signed: positive adds, negative takes.
    :param key: Names the cause.
    :param debt: Signed: by how much the wallet owes more, or less.
    :param refers_to_seq: The ``seq`` of what it is about: a spend, a lot, a clawback, a hold.
    :param expires_at: When what is left of credits that come in ends.
    :param amount_minor: What was paid or refunded, in the smallest unit of ``currency``.
    :param tax_minor: What of it is tax.
    :param claimed: How many credits a clawback is to take, where they are named.
    :param at: When it happened, if before now; times never go back inside a wallet.
    :param use: Who spends, and on what.
    :raises ValueError: The time has no zone, or the reason is no text that a database keeps.
    """

    kind: Kind
    credits: int
    key: str
    debt: int = 0
    refers_to_seq: int | None = None
    expires_at: datetime | None = None
    amount_minor: int | None = None
    tax_minor: int | None = None
    currency: str | None = None
    claimed: int | None = None
    reason: str | None = None
    at: datetime | None = None
    use: Use = UNSAID

    def __post_init__(self) -> None:
        check_time("expires_at", self.expires_at, optional=True)
        check_reason(self.reason)

    def check_lasts(self, now: datetime) -> None:
        """:raises ValueError: Its credits would have ended before they came."""
        if self.expires_at is not None and self.expires_at <= now:
            raise ValueError(
                f"expires_at is {self.expires_at:%Y-%m-%d %H:%M %Z}, which is over. Write a time to come, or "
                "leave it out for credits that never end."
            )

    def at_price_of(self, lot: Entry) -> Self:
        """The posting with what was paid for so many credits of ``lot``, rounded down."""

        def part(minor: int | None) -> int | None:
            return None if minor is None else minor * self.credits // lot.credits

        return replace(
            self,
            amount_minor=part(lot.amount_minor),
            tax_minor=part(lot.tax_minor),
            currency=lot.currency,
        )

    @classmethod
    def of_payment(
        cls,
        kind: Kind,
        credits: int,
        key: str,
        *,
        expires_at: datetime | None,
        amount_minor: int,
        tax_minor: int,
        currency: str,
    ) -> Self:
        """:raises ValueError: The money is none that a customer can have paid."""
        check_money(amount_minor, tax_minor, currency)
        return cls(
            kind,
            credits,
            key,
            expires_at=expires_at,
            amount_minor=amount_minor,
            tax_minor=tax_minor or None,
            currency=currency,
        )

    @classmethod
    def of_spend(cls, credits: int, key: str, *, reason: str | None = None, use: Use = UNSAID) -> Self:
        """:raises ValueError: The key or the number of credits is none that a caller may give."""
        check_credits(credits)
        check_key(key)
        return cls(Kind.SPEND, -credits, key, reason=reason, use=use)


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


def begin(session: Session, owner: str, posting: Posting, clock: Clock) -> tuple[WalletState, Entry | None]:
    """Check what is asked, lock the owner's wallet, and look for the posting's key.

    :returns: The wallet; and the first entry of the key, where the call is a repeat.
    :raises ValueError: The owner, the key or the number of credits is none that a caller may give.
    :raises KeyReused: The key has posted something else.
    """
    if posting.kind is Kind.ADJUSTMENT:
        check_adjustment(posting.credits)
    else:
        check_credits(posting.credits)
    check_key(posting.key)
    check_owner(owner)
    wallet = lock_or_open(session, owner, clock)
    return wallet, repeat(session, wallet, posting)


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


def begin_on(
    session: Session,
    owner: str,
    entry_key: str,
    clock: Clock,
    *,
    is_fit: Callable[[Entry], bool],
    refusal: str,
) -> tuple[WalletState, Entry]:
    """Lock the owner's wallet, and find the entry that a posting is to refer to.

    :raises NothingToReverse: There is no such entry, or it is not fit; the message is ``refusal``.
    """
    wallet = lock(session, owner, clock)
    entry = find(session, wallet, entry_key) if wallet else None
    if wallet is None or entry is None or not is_fit(entry):
        raise NothingToReverse(refusal)
    return wallet, entry


def find(session: Session, wallet: WalletState, key: str) -> Entry | None:
    """The entry that the key has posted in this wallet."""
    return session.scalar(select(Entry).where(Entry.of(wallet), Entry.key == key))


def repeat(
    session: Session, wallet: WalletState, posting: Posting, *, any_credits: bool = False
) -> Entry | None:
    """The first entry of a key that comes again, or ``None`` when it is new.

    :param any_credits: Don't compare the credits: the ledger works them out itself.
    :raises KeyReused: The key has posted something else.
    """
    earlier = find(session, wallet, posting.key)
    if earlier is None:
        return None
    if _gist(earlier) != _gist(posting) or not (any_credits or earlier.credits == posting.credits):
        raise KeyReused(posting.key)
    return earlier


def _gist(posted: Entry | Posting) -> tuple[object, ...]:
    """What two postings with one key must agree on, beside the credits."""
    use = posted.use if isinstance(posted, Posting) else recorded_use(posted)
    money = posted.amount_minor, posted.currency
    return posted.kind, posted.refers_to_seq, *money, posted.claimed, use.gist


def recorded_use(row: Entry | Hold) -> Use:
    """Who spent, and on what, as the row has it."""
    return Use(row.spender, row.item, row.quantity, row.price_version)


def append(session: Session, wallet: WalletState, posting: Posting) -> Entry:
    """Write one entry, and move the wallet with it."""
    wallet.step(posting.at)
    wallet.balance += posting.credits
    wallet.debt += posting.debt
    if posting.credits > 0:
        wallet.expects_expiry(posting.expires_at)
    save(session, wallet)
    entry = plain_insert(Entry).values(
        slot=wallet.slot,
        wallet_id=wallet.id,
        seq=wallet.seq,
        kind=posting.kind,
        key=posting.key,
        credits=posting.credits,
        debt=posting.debt,
        balance_after=wallet.balance,
        at=wallet.moved_at,
        refers_to_seq=posting.refers_to_seq,
        expires_at=posting.expires_at,
        amount_minor=posting.amount_minor,
        tax_minor=posting.tax_minor,
        currency=posting.currency,
        claimed=posting.claimed,
        reason=posting.reason,
        spender=posting.use.spender,
        item=posting.use.item,
        quantity=posting.use.quantity,
        price_version=posting.use.price_version,
    )
    return session.scalars(entry.returning(Entry)).one()


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
