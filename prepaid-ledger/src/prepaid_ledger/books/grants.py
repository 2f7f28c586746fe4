"""One grant to many wallets, some hundred in a transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from itertools import islice

from sqlalchemy import Engine, insert, select, update
from sqlalchemy.orm import Session

from ..checks import check_credits, check_key, check_many, check_owner
from ..clock import Clock
from ..database.rows import table_of, with_keys
from ..database.transactions import commit_alone
from ..errors import KeyReused
from ..tables import Entry, Wallet
from . import expiry
from .entries import come_in
from .wallets.posting import Posting
from .wallets.wallet_state import WALLET_COLUMNS, WalletState, open_wallets

#: Wallets in one transaction of a bulk grant.
CHUNK = 1_000


def grant_many(engine: Engine, owners: Iterable[str], posting: Posting, clock: Clock) -> Iterator[int]:
    """Post the same grant to each of ``owners``, once; say after each commit how many have it.

    Commits a thousand at a time. Broken off, run it again with the same key: who has the
    grant gets no other.

    :raises KeyReused: The key has posted something else in a wallet; the thousand that it is in get nothing.
    :raises ValueError: The credits would have ended before they came; the thousand get nothing.
    """
    check_many("owners", owners)
    check_credits(posting.credits)
    check_key(posting.key)
    done = 0
    for chunk in chunks(owners, CHUNK):
        for owner in chunk:
            check_owner(owner)
        give = partial(_grant_chunk, owners=sorted(set(chunk)), posting=posting, clock=clock)
        commit_alone(engine, give)
        done += len(chunk)
        yield done


def chunks(items: Iterable[str], size: int) -> Iterator[list[str]]:
    """``items`` in lists of ``size``; the last may be shorter."""
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk


def _grant_chunk(session: Session, *, owners: Sequence[str], posting: Posting, clock: Clock) -> None:
    _open_missing(session, owners, clock())
    of_owners = select(*WALLET_COLUMNS).where(Wallet.owned_by(*owners)).order_by(Wallet.id)
    rows = session.execute(of_owners.with_for_update(key_share=True)).all()
    now = clock()
    wallets = {row.id: WalletState.of_row(row, now) for row in rows}
    for entry in _repeats(session, wallets.values(), posting.key):
        if (entry.kind, entry.credits) != (posting.kind, posting.credits):
            raise KeyReused(posting.key)
        del wallets[entry.wallet_id]
    for wallet in wallets.values():
        posting.check_lasts(wallet.now)
    for wallet in [wallet for wallet in wallets.values() if wallet.debt or wallet.is_due]:
        expiry.bring_up_to_date(session, wallet)
        come_in(session, wallet, posting)
        del wallets[wallet.id]
    if wallets:
        _write(session, list(wallets.values()), posting)


def _repeats(session: Session, wallets: Collection[WalletState], key: str) -> Sequence[Entry]:
    """What the key has posted in these wallets.

    A subquery a wallet: PostgreSQL would look for a join through all entries of each wallet.
    """
    if not wallets:
        return []
    given = table_of(session, [{"wallet_id": wallet.id, "slot": wallet.slot} for wallet in wallets]).c
    its = (Entry.wallet_id == given.wallet_id) & (Entry.slot == given.slot)
    seq = select(Entry.seq).where(its, Entry.key == key).scalar_subquery().label("seq")
    rows = session.execute(select(given.wallet_id, given.slot, seq))
    posted = [row._asdict() for row in rows if row.seq]
    return session.scalars(select(Entry).where(with_keys(session, Entry, posted))).all() if posted else []


def _open_missing(session: Session, owners: Sequence[str], now: datetime) -> None:
    """Make the wallets that are not there yet.

    PostgreSQL gives out a wallet's number for each row that it is asked to insert, though the row be there
    already: grants month by month would use the numbers up. SQLite gives out none, and takes the write lock
    for all that follows.
    """
    if session.get_bind().dialect.name == "postgresql":
        there = set(session.scalars(select(Wallet.owner).where(Wallet.owned_by(*owners))))
        owners = [owner for owner in owners if owner not in there]
    if owners:
        open_wallets(session, list(owners), now)


def _write(session: Session, wallets: Sequence[WalletState], posting: Posting) -> None:
    for wallet in wallets:
        wallet.step()
        wallet.balance += posting.credits
        wallet.expects_expiry(posting.expires_at)
    entries = [
        {
            "slot": wallet.slot,
            "wallet_id": wallet.id,
            "seq": wallet.seq,
            "kind": posting.kind,
            "key": posting.key,
            "credits": posting.credits,
            "debt": 0,
            "balance_after": wallet.balance,
            "at": wallet.moved_at,
            "expires_at": posting.expires_at,
            "reason": posting.reason,
        }
        for wallet in wallets
    ]
    moves = [
        {
            "slot": wallet.slot,
            "id": wallet.id,
            "balance": wallet.balance,
            "seq": wallet.seq,
            "moved_at": wallet.moved_at,
            "next_expiry_at": wallet.next_expiry_at,
        }
        for wallet in wallets
    ]
    session.execute(insert(Entry), entries)
    session.execute(update(Wallet), moves)
