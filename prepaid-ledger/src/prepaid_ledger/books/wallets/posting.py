"""How every posting is written: take the wallet's lock, look for the key, append.

An entry and the move of its wallet's balance are two statements of one transaction,
and nothing in between can be caught and committed. ``append`` writes the entries of all
verbs. Two write many at once, by statements of their own: ``grants.py`` grants for many
owners, and ``spends/batches/sqlite_batch.py`` and ``spends/batches/postgresql_batch.py`` spends.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from sqlalchemy import insert as plain_insert
from sqlalchemy import select
from sqlalchemy.orm import Session

from ...checks import (
    check_adjustment,
    check_credits,
    check_key,
    check_money,
    check_owner,
    check_reason,
    check_time,
)
from ...clock import Clock
from ...errors import KeyReused, NothingToReverse
from ...tables import Entry, Hold, Kind
from .uses import UNSAID, Use
from .wallet_state import WalletState, lock, lock_or_open, save


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
        check_reason(self.reason, optional=True)

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
