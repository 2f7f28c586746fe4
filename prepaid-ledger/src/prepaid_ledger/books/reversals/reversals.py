"""A spend undone: its credits go back to the lots that they came from."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from ...checks import check_credits, check_key, check_text
from ...clock import Clock
from ...errors import KeyReused, NothingToReverse, credits_are
from ...tables import ArchiveMark, Entry, Hold, Kind, Wallet
from ..budgets.budget_counts import give_back
from ..expiry import end, expire, finish
from ..hold_states import charged, last_charged
from ..lots.lot_store import LotStore, StoredMemory
from ..lots.lots import LotState, Part, drawn_last
from ..wallets.posting import Posting, append, begin_on, find
from ..wallets.uses import Use
from .clawbacks import MIN_LIFE


def reverse(
    session: Session,
    owner: str,
    *,
    spend_key: str,
    key: str,
    credits: int | None = None,
    reason: str | None = None,
    clock: Clock,
) -> Entry:
    """Give back ``credits`` of a spend, all that are left of it by default.

    What came from a lot that is open goes back into it. What came from one that has
    ended comes back as a given lot at the price paid, for as long as that lot had left
    when it was spent, a day at least; each such lot is an entry of its own, after the
    one that is returned. A debt is not paid from it. What a capture made a debt stays owed, for it took no
    credit; a grant pays it.

    :param spend_key: The key of the spend; of a captured hold, ``hold:`` and its key.
    :raises NothingToReverse: There is no such spend, or less of it is left to give back.
    :raises KeyReused: The key has posted something else.
    """
    check_key(key)
    check_text("spend_key", spend_key)
    if credits is not None:
        check_credits(credits)
    try:
        refusal = f"{spend_key!r} has not spent anything"
        wallet, spend = begin_on(session, owner, spend_key, clock, is_fit=_is_spend, refusal=refusal)
    except NothingToReverse:
        _name_the_hold(session, owner, spend_key)
        _refuse_archived(session, owner, spend_key)
        raise
    earlier = find(session, wallet, key)
    if earlier is not None:
        if (earlier.kind, earlier.refers_to_seq) != (Kind.REVERSAL, spend.seq):
            raise KeyReused(key)
        if credits not in (None, _total(session, earlier)):
            raise KeyReused(key)
        return earlier
    memory = StoredMemory(session, wallet)
    returned = memory.reversed(spend.seq, wallet.seq + 1)
    left = -spend.credits - returned
    credits = left if credits is None else credits
    if credits > left or left == 0:
        some = f"{credits_are(left)} left to give back of {spend_key!r}, not {credits}"
        raise NothingToReverse(some if left else f"nothing of {spend_key!r} is left to give back")
    store = expire(session, wallet)
    parts = drawn_last(memory.spent(spend.seq), credits, skip=returned)
    give_back(session, wallet, spend.spender, _charged(session, spend, left, credits))
    use = Use(spend.spender, spend.item)
    posting = Posting(Kind.REVERSAL, credits, key, refers_to_seq=spend.seq, reason=reason, use=use)
    return _write(store, spend, parts, posting)


def _name_the_hold(session: Session, owner: str, spend_key: str) -> None:
    """:raises NothingToReverse: A hold of this key was captured; it says under which key that spent."""
    captured = f"hold:{spend_key}"
    of_hold = select(Entry.seq).join(Wallet, Entry.of(Wallet)).where(Wallet.owned_by(owner))
    if session.scalar(of_hold.where(Entry.key == captured)) is not None:
        raise NothingToReverse(
            f"{spend_key!r} has not spent anything; a hold of that key has: give spend_key={captured!r}"
        )


def _refuse_archived(session: Session, owner: str, spend_key: str) -> None:
    """:raises NothingToReverse: The spend may be in the archive; it says so, and what to do."""
    archived = select(ArchiveMark.at).join(Wallet, ArchiveMark.of(Wallet)).where(Wallet.owned_by(owner))
    until = session.scalar(archived)
    if until is not None:
        raise NothingToReverse(
            f"{spend_key!r} has not spent anything that is in the books still; spends up to "
            f"{until:%Y-%m-%d} are in the archive, and stay as they are. Grant the credits in place of it"
        )


def _is_spend(entry: Entry) -> bool:
    return entry.kind is Kind.SPEND


def _total(session: Session, reversal: Entry) -> int:
    """The credits of a reversal, with the entries for lots that had ended."""
    more = session.scalars(
        select(Entry.credits).where(
            Entry.same_wallet_as(reversal),
            Entry.refers_to_seq == reversal.refers_to_seq,
            Entry.key.startswith(f"reversal:{reversal.seq}:"),
        )
    )
    return reversal.credits + sum(more)


def _write(store: LotStore, spend: Entry, parts: list[Part], posting: Posting) -> Entry:
    """One entry for what follows each other into open lots, one for each lot that has ended."""
    session, wallet = store.session, store.wallet
    drawn_at = _drawn_at(session, spend)
    first: Entry | None = None
    for ended, credits in _groups(store, parts):
        part = replace(posting, credits=credits)
        if first is not None:
            part = replace(part, key=f"reversal:{first.seq}:{wallet.seq + 1}")
        if ended is not None:
            part = _as_new_lot(store, part, ended, drawn_at)
        entry = append(session, wallet, part)
        first = first or entry
    finish(store)
    assert first is not None, "something is left to give back"
    return first


def _groups(store: LotStore, parts: list[Part]) -> list[tuple[LotState | None, int]]:
    """The lot that has ended, or ``None`` for those that are open, and the credits that come back to it."""
    wallet = store.wallet
    groups: list[tuple[LotState | None, int]] = []
    for part in parts:
        lot = store.lots.lot(part.lot_seq, wallet.seq + 1)
        is_over = lot.is_over(wallet.now)
        if is_over and not lot.ended:  # used up before its time came, so no expiry refers to it yet
            end(store.session, wallet, lot)
        if not is_over and groups and groups[-1][0] is None:
            groups[-1] = (None, groups[-1][1] + part.credits)
        else:
            groups.append((lot if is_over else None, part.credits))
    return groups


def _drawn_at(session: Session, spend: Entry) -> datetime:
    """When the credits left their lots: a capture's did when it was held."""
    if spend.refers_to_seq is None:
        return spend.at
    return _hold_of(session, spend).at


def _charged(session: Session, spend: Entry, left: int, credits: int) -> list[tuple[datetime, int]]:
    """When the last ``credits`` of the ``left`` ones were charged."""
    if spend.refers_to_seq is None:
        return [(spend.at, credits)]
    return last_charged(charged(session, _hold_of(session, spend)), left, credits)


def _hold_of(session: Session, capture: Entry) -> Hold:
    """The hold as it stands, also where the caller has read it before it grew."""
    its_key = (capture.wallet_id, capture.slot, capture.refers_to_seq)
    return session.get_one(Hold, its_key, populate_existing=True)


def _as_new_lot(store: LotStore, posting: Posting, ended: LotState, drawn_at: datetime) -> Posting:
    """The price and the life of credits that come back after their lot has ended."""
    lot = store.session.get_one(Entry, (store.wallet.id, store.wallet.slot, ended.seq))
    posting = posting.at_price_of(lot)
    if lot.expires_at is None:
        return posting
    return replace(posting, expires_at=store.wallet.now + max(lot.expires_at - drawn_at, MIN_LIFE))
