"""The lots of many wallets, drawn together: a handful of statements for hundreds of wallets.

What is read is read without a lock, and drawn as for one wallet, by ``lots.py``. Events never change, so all
that can have happened meanwhile is that somebody else has drawn a wallet. A short transaction then locks the
wallets that stand as they were read, in the order of their ids and without waiting, and writes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple, cast

from sqlalchemy import (
    ColumnElement,
    Engine,
    Row,
    Table,
    and_,
    bindparam,
    insert,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session

from ...clock import Clock
from ...database.busy import raising_busy
from ...database.rows import Given, Stretch, Stretches, move_marks, table_of
from ...database.transactions import commit_alone
from ...tables import Draw, Hold, HoldState, Kind, Lot, Wallet
from .lot_store import PAGE, StoredMemory, draw_rows, events, live_lots, row_of
from .lots import BrokenHistory, DrawRows, EntryRow, Event, Lots, LotState

#: Wallets that are read with one statement, and about how many events are drawn in one transaction.
WALLETS = 500
EVENTS = 10_000

_wallet = cast(Table, Wallet.__table__)
_lot = cast(Table, Lot.__table__)

#: Written out: an index on open holds serves only who asks for just that.
OPEN: ColumnElement[HoldState] = literal_column(f"'{HoldState.OPEN.value}'")


class Drawn(NamedTuple):
    """A wallet's lots as its events up to ``upto`` leave them, drawn before up to ``after``.

    ``bound`` is when the next of them ends.
    """

    wallet_id: int
    slot: int
    after: int
    upto: int
    draws: list[dict[str, int]]
    lots: list[LotState]
    bound: datetime | None
    moves_bound: bool


def draw_together(engine: Engine, owners: Sequence[str], clock: Clock) -> list[str]:
    """Draw the lots of many wallets to their last event; the owners of those that have to be written alone.

    These are wallets in which something is due, or which somebody else writes at the moment, or whose
    history is long or has a reversal, which asks what was drawn before it. Commits some hundred wallets at
    a time: broken off, the others are as they were.
    """
    alone: list[str] = []
    for begin in range(0, len(owners), WALLETS):
        now = clock()
        with raising_busy(), Session(engine) as session:
            waiting = _waiting(session, owners[begin : begin + WALLETS], now)
        together = [wallet for wallet in waiting if not wallet.alone]
        alone += [wallet.owner for wallet in waiting if wallet.alone]
        for part in _in_parts(together):
            with raising_busy(), Session(engine) as session:
                drawn = _draw(session, part, now)
            written = commit_alone(engine, partial(_write, drawn=drawn)) if drawn else set[int]()
            alone += [wallet.owner for wallet in part if wallet.id not in written]
    return alone


def _waiting(session: Session, owners: Sequence[str], now: datetime) -> Sequence[Row[*tuple[Any, ...]]]:
    """The wallets in which something is due or not drawn yet, and whether each has to be written alone."""
    is_due = and_(Wallet.next_expiry_at.is_not(None), Wallet.next_expiry_at <= now)
    overdue = select(Hold.seq).where(Hold.of(Wallet), Hold.state == OPEN, Hold.expires_at <= now)
    too_long = Wallet.seq - Wallet.drawn_seq > PAGE
    alone = or_(is_due, overdue.exists(), too_long)
    columns = (
        Wallet.id,
        Wallet.slot,
        Wallet.owner,
        Wallet.seq,
        Wallet.drawn_seq,
        Wallet.next_expiry_at,
        Wallet.moved_at,
        Draw.lot_upto(Wallet.drawn_seq, Draw.of(Wallet)).label("lot_seq"),
    )
    behind = or_(Wallet.seq > Wallet.drawn_seq, alone)
    wanted = select(*columns, alone.label("alone")).where(Wallet.owned_by(*owners), behind)
    return session.execute(wanted.order_by(Wallet.id)).all()


def _in_parts(wallets: Sequence[Row[*tuple[Any, ...]]]) -> Iterator[list[Row[*tuple[Any, ...]]]]:
    part: list[Row[*tuple[Any, ...]]] = []
    count = 0
    for wallet in wallets:
        part.append(wallet)
        count += wallet.seq - wallet.drawn_seq
        if count >= EVENTS:
            yield part
            part, count = [], 0
    if part:
        yield part


def _draw(session: Session, wallets: Sequence[Row[*tuple[Any, ...]]], now: datetime) -> list[Drawn]:
    """Each of them, but for those whose history has to be drawn under the lock."""
    span = Stretches(
        session, [Stretch(wallet.id, wallet.slot, wallet.drawn_seq, wallet.seq) for wallet in wallets]
    )
    live, happened = live_lots(session, span), events(session, span)
    each = (_draw_one(session, wallet, live[wallet.id], happened[wallet.id], now) for wallet in wallets)
    return [drawn for drawn in each if drawn is not None]


def _draw_one(
    session: Session,
    wallet: Row[*tuple[Any, ...]],
    live: list[LotState],
    happened: list[Event],
    now: datetime,
) -> Drawn | None:
    lots, rows = Lots(live, StoredMemory(session, wallet)), DrawRows(wallet.lot_seq)
    draws: list[dict[str, int]] = []
    for event in happened:
        if isinstance(event, EntryRow) and event.kind is Kind.REVERSAL:
            return None
        try:
            parts = lots.feed(event)
        except (BrokenHistory, NoResultFound):
            return None  # under the lock it is raised, if it is broken and nobody was quicker than we were
        draws += draw_rows(wallet, event, rows.of(event, parts))
    now = max(now, wallet.moved_at)
    if lots.over(now):
        return None
    bound = lots.next_expiry_at(now)
    touched = [lots.lots[seq] for seq in sorted(lots.touched)]
    moves = bound != wallet.next_expiry_at
    return Drawn(wallet.id, wallet.slot, wallet.drawn_seq, wallet.seq, draws, touched, bound, moves)


def _write(session: Session, drawn: Sequence[Drawn]) -> set[int]:
    """Write what was drawn of the wallets that stand as they were read; which they are."""
    read = [Stretch(wallet.wallet_id, wallet.slot, wallet.after, wallet.upto) for wallet in drawn]
    ours = move_marks(session, (Wallet.id, Wallet.slot), Wallet.drawn_seq, read)
    kept = [wallet for wallet in drawn if wallet.wallet_id in ours]
    draws = [draw for wallet in kept for draw in wallet.draws]
    if draws:
        rows = table_of(session, draws).c
        names = ("wallet_id", "slot", "seq", "lot_seq", "credits")
        session.execute(insert(Draw).from_select(names, select(*(rows[name] for name in names))))
    _write_lots(session, kept)
    moved = [
        {"its_id": wallet.wallet_id, "its_slot": wallet.slot, "its_seq": wallet.upto, "bound": wallet.bound}
        for wallet in kept
        if wallet.moves_bound
    ]
    if moved:  # what has come in since has its own bound
        same = (
            (_wallet.c.id == bindparam("its_id"))
            & (_wallet.c.slot == bindparam("its_slot"))
            & (_wallet.c.seq == bindparam("its_seq"))
        )
        session.execute(update(_wallet).where(same).values(next_expiry_at=bindparam("bound")), moved)
    return ours


def _write_lots(session: Session, kept: Sequence[Drawn]) -> None:
    """New lots, and what changes of those that were there."""
    came_in = [
        row_of(wallet.wallet_id, wallet.slot, lot)
        for wallet in kept
        for lot in wallet.lots
        if lot.seq > wallet.after
    ]
    if came_in:
        session.execute(insert(Lot), came_in)
    changed: list[Given] = [
        {
            "wallet_id": wallet.wallet_id,
            "slot": wallet.slot,
            "seq": lot.seq,
            "left_over": lot.left,
            "held": lot.held,
            "ended": lot.ended,
        }
        for wallet in kept
        for lot in wallet.lots
        if lot.seq <= wallet.after
    ]
    if changed:
        now = table_of(session, changed, "now")
        same = Lot.same_wallet_as(now.c) & (_lot.c.seq == now.c.seq)
        states = {name: now.c[name] for name in ("left_over", "held", "ended")}
        session.execute(update(_lot).where(same).values(states))
