"""Credits that go when their money goes back, and come again when it does not.

What is taken follows from the clawbacks that stand, and from what lapsed before each of them, by the rule
of ``shares.py``. The order of refunds does not matter.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Self

from sqlalchemy import select
from sqlalchemy.orm import Session

from ...checks import MAX_MINOR, check_credits, check_key, check_text, check_whole
from ...clock import Clock
from ...errors import NothingToReverse
from ...tables import Entry, Kind, Lot
from ..expiry import expire
from ..lots.lot_store import lapsed
from ..wallets.posting import Posting, append, begin_on, repeat
from ..wallets.wallet_state import WalletState
from .adjustments import adjustments, gone_by_adjustment
from .shares import Claim, Gone, Share, share_of

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

    Taken from the rest of the lot first, then from other credits that are not held; what is spent already
    becomes the wallet's debt. What lapsed unspent, or was taken by hand and
    not given again, is gone already and makes none.

    :param lot_key: The key of the purchase or allowance, ``payment:17``.
    :param key: Names this refund or dispute, ``refund:re_1``.
    :param refunded_minor: The money of this one refund, in the smallest unit of the
        purchase's currency. Never the sum of several.
    :param credits: In place of it, the credits to take, where nothing was paid or the
        share is the caller's to say. However a lot's credits are clawed back, no more go than came in.
    :raises NothingToReverse: The key has not brought any credits in.
    :raises KeyReused: The key has posted something else.
    :raises ValueError: Both are given, or neither, or one is none that can go back.
    """
    if (refunded_minor is None) == (credits is None):
        raise ValueError("a clawback says either refunded_minor, the money that went back, or credits")
    check_key(key)
    check_text("lot_key", lot_key)
    if credits is not None:
        check_credits(credits)
    if refunded_minor is not None:
        check_whole("refunded_minor", refunded_minor, 0, MAX_MINOR)
    refusal = f"{lot_key!r} has not brought any credits in"
    wallet, lot = begin_on(session, owner, lot_key, clock, is_fit=_is_lot, refusal=refusal)
    if refunded_minor is not None and lot.amount_minor is None:
        raise ValueError(f"nobody paid for {lot_key!r}: say credits in place of refunded_minor")
    posting = Posting(
        Kind.CLAWBACK,
        0,
        key,
        refers_to_seq=lot.seq,
        amount_minor=refunded_minor,
        tax_minor=_tax_of(lot, refunded_minor),
        currency=None if refunded_minor is None else lot.currency,
        claimed=credits,
        reason=reason,
    )
    earlier = repeat(session, wallet, posting, any_credits=True)
    if earlier is not None:
        return earlier
    expire(session, wallet)
    clawed = Clawed.of(session, wallet, lot)
    take = clawed.share(Claim(wallet.seq + 1, refunded_minor, credits)).taken - clawed.credits
    taken = min(take, wallet.available)
    return append(session, wallet, replace(posting, credits=-taken, debt=take - taken))


def restore(
    session: Session,
    owner: str,
    *,
    claw_key: str,
    key: str,
    reason: str | None = None,
    period_end: datetime | None = None,
    clock: Clock,
) -> Entry:
    """Undo a clawback: the refund failed at the bank, or the dispute was won.

    The debt that the lot's clawbacks made goes first, as far as it still stands; the rest comes back as
    a lot with the expiry of the first one or, if its time is over, for as long as that had left, a day at
    least.

    :param claw_key: The key of the clawback, ``refund:re_1``.
    :param key: Names why it is undone, ``refund-failed:re_1``.
    :param period_end: When the time of an allowance is over; by default when the lot ends. In the grace that
        follows, the next allowance may end at any moment what is left of this one.
    :raises NothingToReverse: There is no such clawback, or it is undone already.
    :raises KeyReused: The key has posted something else.
    """
    check_key(key)
    check_text("claw_key", claw_key)
    refusal = f"{claw_key!r} has not clawed anything back"
    wallet, clawback = begin_on(session, owner, claw_key, clock, is_fit=_takes, refusal=refusal)
    posting = Posting(
        Kind.CLAWBACK,
        0,
        key,
        refers_to_seq=clawback.seq,
        amount_minor=clawback.amount_minor,
        tax_minor=clawback.tax_minor,
        currency=clawback.currency,
        reason=reason,
    )
    earlier = repeat(session, wallet, posting, any_credits=True)
    if earlier is not None:
        return earlier
    lot = session.get_one(Entry, (wallet.id, wallet.slot, clawback.refers_to_seq))
    if not _is_lot(lot):
        raise NothingToReverse(refusal)
    expire(session, wallet)
    clawed = Clawed.of(session, wallet, lot)
    if clawback.seq in clawed.undone:
        raise NothingToReverse(f"{claw_key!r} is undone already")
    back = clawed.credits - clawed.share(without=clawback.seq).taken
    forgiven = min(wallet.debt, clawed.debt, back)
    ends_at = _comes_back_until(lot, clawback, period_end, wallet.now) if back > forgiven else None
    posting = replace(posting, credits=back - forgiven, debt=-forgiven, expires_at=ends_at)
    return append(session, wallet, posting)


def _tax_of(lot: Entry, refunded_minor: int | None) -> int | None:
    """The tax in money that went back of a lot."""
    if refunded_minor is None or not lot.tax_minor or not lot.amount_minor:
        return None
    return min(lot.tax_minor * refunded_minor // lot.amount_minor, refunded_minor)


def _is_lot(entry: Entry) -> bool:
    """Whether it brought credits in from outside."""
    return entry.kind in (Kind.PURCHASE, Kind.GRANT, Kind.ALLOWANCE)


def _takes(entry: Entry) -> bool:
    """Whether it is a clawback, and neither the repayment of a debt nor a restored one."""
    return entry.kind is Kind.CLAWBACK and entry.credits <= 0 <= entry.debt


@dataclass(frozen=True)
class Clawed:
    """What was clawed back of a lot, and of that what was undone, by the ``seq`` of the clawback."""

    lot: Entry
    taken: list[Entry]
    undone: dict[int | None, Entry]
    gone: list[Gone]

    @classmethod
    def of(cls, session: Session, wallet: WalletState, lot: Entry) -> Self:
        """Of a wallet whose lots are drawn to its last event."""
        clawbacks = select(Entry).where(Entry.of(wallet), Entry.kind == Kind.CLAWBACK)
        taken = [
            entry
            for entry in session.scalars(clawbacks.where(Entry.refers_to_seq == lot.seq))
            if _takes(entry)
        ]
        restored = session.scalars(clawbacks.where(Entry.refers_to_seq.in_([entry.seq for entry in taken])))
        undone = {entry.refers_to_seq: entry for entry in restored}
        its = [Lot.of(wallet), Lot.origin == lot.seq]
        # Both databases might join the lots to all captures of the wallet, if it were not for their numbers.
        lots = session.scalars(select(Lot.seq).where(*its)).all()
        rows = session.execute(lapsed(*its, Entry.refers_to_seq.in_(lots)))
        gone = [Gone(row.seq, row.credits) for row in rows]
        by_hand = gone_by_adjustment(session.execute(adjustments(Entry.of(wallet))))
        gone += [Gone(seq, credits) for _, origin, seq, credits in by_hand if origin == lot.seq]
        return cls(lot, taken, undone, gone)

    @property
    def credits(self) -> int:
        """Credits that are gone now, whether they were there or became debt."""
        return sum(_taken(entry) for entry in [*self.taken, *self.undone.values()])

    @property
    def debt(self) -> int:
        """The debt that was made, less what was forgiven."""
        return sum(entry.debt for entry in [*self.taken, *self.undone.values()])

    def share(self, claim: Claim | None = None, *, without: int | None = None) -> Share:
        """What of the lot is to be gone, by the clawbacks that stand.

        :param claim: One more of them.
        :param without: The ``seq`` of one that is undone now.
        """
        claims = [
            Claim(entry.seq, entry.amount_minor, entry.claimed)
            for entry in self.taken
            if entry.seq not in self.undone and entry.seq != without
        ]
        moves: list[Claim | Gone] = [*claims, *self.gone]
        if claim is not None:
            moves.append(claim)
        return share_of(self.lot.credits, self.lot.amount_minor or 0, moves)


def _taken(clawback: Entry) -> int:
    """The credits that it took, whether they were there or became debt."""
    return clawback.debt - clawback.credits


def _comes_back_until(
    lot: Entry, clawback: Entry, period_end: datetime | None, now: datetime
) -> datetime | None:
    """When restored credits end."""
    if lot.expires_at is None or now < (period_end or lot.expires_at):
        return lot.expires_at
    return now + max(lot.expires_at - clawback.at, MIN_LIFE)
