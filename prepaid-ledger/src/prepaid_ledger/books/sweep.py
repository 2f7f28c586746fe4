"""What is due, in any wallet: lots that have ended, and holds whose time is over."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Engine, Select, or_, select
from sqlalchemy.exc import IntegrityError, NoResultFound
from sqlalchemy.orm import Session

from ..clock import Clock
from ..database.transactions import commit_alone
from ..tables import Hold, Wallet
from . import expiry
from .lots.drawn_together import OPEN, draw_together
from .lots.lots import BrokenHistory
from .wallets.wallet_state import lock

#: What comes of rows that contradict each other, or that no ledger has written.
CONTRADICTIONS = (BrokenHistory, NoResultFound, IntegrityError, LookupError)

log = logging.getLogger(__name__)

#: Wallets that one call brings up to date, so that a long backlog does not keep the others waiting.
SWEEP = 500

#: A lot that ends so soon is drawn ahead once so many events wait, and its end is then quickly written.
ENDS_SOON = timedelta(days=1)
MAX_UNDRAWN = 1_000


def write_due(engine: Engine, clock: Clock) -> int:
    """Write what is due: lots that have ended, holds whose time is over; how many wallets were due.

    Each wallet is a transaction of its own. One that can't be written, as its rows contradict each other, is
    logged, and leaves the others be. Safe at any time, twice, and in several processes at once.
    """
    now = clock()
    with Session(engine) as session:
        owners = {owner: None for which in due(now) for owner in session.scalars(which)}
    _write_each(engine, owners, clock)
    return len(owners)


def _write_each(engine: Engine, owners: Iterable[str], clock: Clock) -> list[Exception]:
    """Write what is due in each of these wallets; why some can't be written."""
    failures = list[Exception]()
    for owner in owners:
        try:
            commit_alone(engine, partial(write_due_of, owner=owner, clock=clock))
        except CONTRADICTIONS as error:
            log.exception("The wallet of %r cannot be written; an audit says what is wrong with it", owner)
            failures.append(error)
    return failures


def due(now: datetime) -> tuple[Select[str], Select[str]]:
    """The owners with lots, and those with holds, whose time is over: each by its index."""
    is_due = or_(Wallet.next_expiry_at <= now, Wallet.seq - Wallet.drawn_seq > MAX_UNDRAWN)
    of_lots = select(Wallet.owner).where(Wallet.next_expiry_at <= now + ENDS_SOON, is_due)
    of_holds = (
        select(Wallet.owner)
        .join(Hold, Hold.of(Wallet))
        .where(Hold.state == OPEN, Hold.expires_at <= now)
        .order_by(Hold.expires_at)
    )
    return of_lots.order_by(Wallet.next_expiry_at, Wallet.id).limit(SWEEP), of_holds.limit(SWEEP)


def bring_up_to_date(engine: Engine, owners: Sequence[str], clock: Clock) -> None:
    """Write what is due in some wallets, and draw their lots: together, where a wallet need not go alone.

    Where one can't be written, the others are, and its error is raised then.
    """
    alone = draw_together(engine, owners, clock) if len(owners) > 1 else owners
    for failure in _write_each(engine, alone, clock):
        raise failure


def write_due_of(session: Session, owner: str, clock: Clock) -> None:
    """Write what is due in one wallet."""
    wallet = lock(session, owner, clock)
    if wallet is not None:
        expiry.write_all_due(session, wallet)
