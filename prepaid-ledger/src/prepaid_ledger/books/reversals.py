"""A spend undone: its credits go back to the lots that they came from."""

from __future__ import annotations

from datetime import datetime
from typing import TypedDict

from sqlalchemy import select
from sqlalchemy.orm import Session

from .. import clock as clocks
from ..clock import Clock
from ..errors import KeyReused, NothingToReverse
from ..tables import Entry, Hold, Kind
from .clawbacks import LEAST_LIFE
from .expiry import end, expire, finish
from .lot_store import Drawing, StoredPast
from .lots import LotState, Part, last
from .posting import Locked, append, check_credits, check_key, find, lock


class Terms(TypedDict, total=False):
    """What credits that come back take along."""

    amount_minor: int
    currency: str | None
    expires_at: datetime


def reverse(
    session: Session,
    owner: str,
    *,
    spend_key: str,
    key: str,
    credits: int | None = None,
    reason: str | None = None,
    clock: Clock = clocks.wall,
) -> Entry:
    """Give back ``credits`` of a spend, all that are left of it by default.

    What came from a lot that is open goes back into it. What came from one that has
    ended comes back as a given lot at the price paid, for as long as that lot had left
    when it was spent, a day at least; each such lot is an entry of its own, after the
    one that is returned. A debt is not paid from it.

    :param spend_key: The key of the spend; of a captured hold, ``hold:`` and its key.
    :raises NothingToReverse: There is no such spend, or less of it is left to give back.
    :raises KeyReused: The key has posted something else.
    """
    check_key(key)
    if credits is not None:
        check_credits(credits)
    wallet = lock(session, owner, clock)
    spend = find(session, wallet, spend_key) if wallet else None
    if wallet is None or spend is None or spend.kind is not Kind.SPEND:
        raise NothingToReverse(f"{spend_key!r} has not spent anything")
    earlier = find(session, wallet, key)
    if earlier is not None:
        if (earlier.kind, earlier.names) != (Kind.REVERSAL, spend.seq):
            raise KeyReused(key)
        if credits not in (None, _total(session, earlier)):
            raise KeyReused(key)
        return earlier
    past = StoredPast(session, wallet.id)
    returned = past.reversed(spend.seq, wallet.seq + 1)
    left = -spend.credits - returned
    credits = left if credits is None else credits
    if credits > left or left == 0:
        raise NothingToReverse(f"{left} credits of {spend_key!r} are left to give back, not {credits}")
    drawing = expire(session, wallet)
    parts = last(past.spent(spend.seq), credits, skip=returned)
    return _write(session, wallet, drawing, spend, parts, key=key, reason=reason)


def _total(session: Session, reversal: Entry) -> int:
    """The credits of a reversal, with the entries for lots that had ended."""
    more = session.scalars(
        select(Entry.credits).where(
            Entry.wallet_id == reversal.wallet_id,
            Entry.names == reversal.names,
            Entry.key.startswith(f"reversal:{reversal.seq}:"),
        )
    )
    return reversal.credits + sum(more)


def _write(
    session: Session,
    wallet: Locked,
    drawing: Drawing,
    spend: Entry,
    parts: list[Part],
    *,
    key: str,
    reason: str | None,
) -> Entry:
    """One entry for what follows each other into open lots, one for each lot that has ended."""
    first: Entry | None = None
    drawn_at = _drawn_at(session, spend)
    groups = _groups(session, wallet, drawing, parts)
    for ended, credits in groups:
        own = Terms() if ended is None else _terms(session, wallet, ended, credits, drawn_at)
        entry = append(
            session,
            wallet,
            Kind.REVERSAL,
            credits,
            key=key if first is None else f"reversal:{first.seq}:{wallet.seq + 1}",
            names=spend.seq,
            reason=reason,
            **own,
        )
        first = first or entry
    finish(session, drawing)
    assert first is not None, "something is left to give back"
    return first


def _groups(
    session: Session, wallet: Locked, drawing: Drawing, parts: list[Part]
) -> list[tuple[LotState | None, int]]:
    groups: list[tuple[LotState | None, int]] = []
    for part in parts:
        lot = drawing.lots.lot(part.lot_seq, wallet.seq + 1)
        over = lot.is_over(wallet.now)
        if over and not lot.ended:  # used up before its time came, so no expiry has named it yet
            end(session, wallet, lot)
        if not over and groups and groups[-1][0] is None:
            groups[-1] = (None, groups[-1][1] + part.credits)
        else:
            groups.append((lot if over else None, part.credits))
    return groups


def _drawn_at(session: Session, spend: Entry) -> datetime:
    """When the credits left their lots: a capture's did when it was held."""
    if spend.names is None:
        return spend.at
    return session.get_one(Hold, (spend.wallet_id, spend.names)).at


def _terms(session: Session, wallet: Locked, ended: LotState, credits: int, drawn_at: datetime) -> Terms:
    """The price and the life of credits that come back after their lot has ended."""
    lot = session.get_one(Entry, (wallet.id, ended.seq))
    terms = Terms()
    if lot.amount_minor is not None:
        terms["amount_minor"] = lot.amount_minor * credits // lot.credits
        terms["currency"] = lot.currency
    if lot.expires_at is not None:
        terms["expires_at"] = wallet.now + max(lot.expires_at - drawn_at, LEAST_LIFE)
    return terms
