"""Credits that go when their money goes back, and come again when it does not.

Of a lot that was paid for, ``ceil(credits * refunded / paid)`` credits are clawed back
at any time, where ``refunded`` is the sum of the refunds that stand. It follows from
the set of refunds alone, so their order does not matter.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Self

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..clock import Clock
from ..errors import KeyReused, NothingToReverse
from ..tables import Entry, Kind
from .expiry import bring_up_to_date
from .posting import LockedWallet, Posting, append, begin_on, check_credits, check_key, repeat

#: Credits that come back after their lot has ended last this long at least.
MIN_LIFE = timedelta(days=1)


def claw_back(
    session: Session,
    owner: str,
    *,
    lot_key: str,
    key: str,
    refunded_minor: int | None = None,
    credits: int | None = None,
    reason: str | None = None,
    clock: Clock,
) -> Entry:
    """Take back the credits of money that left again.

    Taken from the rest of the lot first, then from other credits that are not held;
    what is spent already becomes the wallet's debt.

    :param lot_key: The key of the purchase or allowance, ``payment:17``.
    :param key: Names this refund or dispute, ``refund:re_1``.
    :param refunded_minor: The money of this one refund, in the smallest unit of the
        purchase's currency. Never the sum of several.
    :param credits: In place of it, the credits to take, where nothing was paid or the
        share is the caller's to say. No more than are left of the lot's share are taken.
    :raises NothingToReverse: The key has not brought any credits in.
    :raises KeyReused: The key has posted something else.
    """
    assert (refunded_minor is None) != (credits is None), "either money went back, or credits are named"
    check_key(key)
    if credits is not None:
        check_credits(credits)
    refusal = f"{lot_key!r} has not brought any credits in"
    wallet, lot = begin_on(session, owner, lot_key, clock, is_fit=_is_lot, refusal=refusal)
    posting = Posting(
        Kind.CLAWBACK,
        0,
        key,
        refers_to_seq=lot.seq,
        amount_minor=refunded_minor,
        currency=None if refunded_minor is None else lot.currency,
        reason=reason,
    )
    earlier = repeat(session, wallet, posting, any_credits=True)
    if earlier is not None:
        if credits not in (None, earlier.debt - earlier.credits):
            raise KeyReused(key)
        return earlier
    bring_up_to_date(session, wallet)
    before = Clawed.of(session, wallet, lot)
    take = before.due_after(lot, refunded_minor or 0) if credits is None else credits
    take = max(0, min(take, lot.credits - before.credits))
    taken = min(take, wallet.available)
    return append(session, wallet, replace(posting, credits=-taken, debt=take - taken))


def restore(
    session: Session,
    owner: str,
    *,
    claw_key: str,
    key: str,
    reason: str | None = None,
    clock: Clock,
) -> Entry:
    """Undo a clawback: the refund failed at the bank, or the dispute was won.

    The debt that it made goes first, as far as it still stands; the rest comes back as
    a lot with the expiry of the first one or, if that has passed, for as long as that
    had left, a day at least.

    :param claw_key: The key of the clawback, ``refund:re_1``.
    :param key: Names why it is undone, ``refund-failed:re_1``.
    :raises NothingToReverse: There is no such clawback, or it is undone already.
    :raises KeyReused: The key has posted something else.
    """
    check_key(key)
    refusal = f"{claw_key!r} has not clawed anything back"
    wallet, clawback = begin_on(session, owner, claw_key, clock, is_fit=_takes, refusal=refusal)
    posting = Posting(
        Kind.CLAWBACK,
        0,
        key,
        refers_to_seq=clawback.seq,
        amount_minor=clawback.amount_minor,
        currency=clawback.currency,
        reason=reason,
    )
    earlier = repeat(session, wallet, posting, any_credits=True)
    if earlier is not None:
        return earlier
    lot = session.get_one(Entry, (wallet.id, clawback.refers_to_seq))
    if not _is_lot(lot):
        raise NothingToReverse(refusal)
    before = Clawed.of(session, wallet, lot)
    if clawback.seq in before.undone:
        raise NothingToReverse(f"{claw_key!r} is undone already")
    bring_up_to_date(session, wallet)
    back = before.back_after(lot, clawback)
    forgiven = min(wallet.debt, clawback.debt, back)
    ends_at = _expires_at(lot, clawback, wallet.now) if back > forgiven else None
    posting = replace(posting, credits=back - forgiven, debt=-forgiven, expires_at=ends_at)
    return append(session, wallet, posting)


def _is_lot(entry: Entry) -> bool:
    """Whether it brought credits in from outside."""
    return entry.kind in (Kind.PURCHASE, Kind.GRANT, Kind.ALLOWANCE)


def _takes(entry: Entry) -> bool:
    """Whether it is a clawback, and neither the repayment of a debt nor a restored one."""
    return entry.kind is Kind.CLAWBACK and entry.credits <= 0 <= entry.debt


@dataclass(frozen=True)
class Clawed:
    """What was clawed back of a lot, and of that what was undone, by the ``seq`` of the clawback."""

    taken: list[Entry]
    undone: dict[int | None, Entry]

    @classmethod
    def of(cls, session: Session, wallet: LockedWallet, lot: Entry) -> Self:
        clawbacks = select(Entry).where(Entry.wallet_id == wallet.id, Entry.kind == Kind.CLAWBACK)
        taken = [
            entry
            for entry in session.scalars(clawbacks.where(Entry.refers_to_seq == lot.seq))
            if _takes(entry)
        ]
        restored = session.scalars(clawbacks.where(Entry.refers_to_seq.in_([entry.seq for entry in taken])))
        return cls(taken, {entry.refers_to_seq: entry for entry in restored})

    @property
    def credits(self) -> int:
        """Credits that are gone now, whether they were there or became debt."""
        return sum(entry.debt - entry.credits for entry in [*self.taken, *self.undone.values()])

    @property
    def credits_for_money(self) -> int:
        """Credits that are gone now because of money: without those that a host named."""
        moves = [*self.taken, *self.undone.values()]
        return sum(entry.debt - entry.credits for entry in moves if entry.amount_minor is not None)

    @property
    def refunded_minor(self) -> int:
        """The money of the refunds that stand."""
        return sum(entry.amount_minor or 0 for entry in self.taken if entry.seq not in self.undone)

    def back_after(self, lot: Entry, clawback: Entry) -> int:
        """The credits that come back once ``clawback`` is undone."""
        if clawback.amount_minor is None:
            return clawback.debt - clawback.credits
        return max(0, -self.due_after(lot, -clawback.amount_minor))

    def due_after(self, lot: Entry, moved_minor: int) -> int:
        """The credits that so much more refunded money takes; negative, what so much less gives back."""
        refunded_minor = self.refunded_minor + moved_minor
        return credits_of_refund(lot.credits, lot.amount_minor or 0, refunded_minor) - self.credits_for_money


def credits_of_refund(credits: int, paid_minor: int, refunded_minor: int) -> int:
    """The credits that ``refunded_minor`` of ``paid_minor`` stands for, rounded up."""
    if paid_minor == 0:
        return credits if refunded_minor > 0 else 0
    return -(-credits * min(refunded_minor, paid_minor) // paid_minor)


def _expires_at(lot: Entry, clawback: Entry, now: datetime) -> datetime | None:
    """When restored credits end."""
    if lot.expires_at is None or lot.expires_at > now:
        return lot.expires_at
    return now + max(lot.expires_at - clawback.at, MIN_LIFE)
