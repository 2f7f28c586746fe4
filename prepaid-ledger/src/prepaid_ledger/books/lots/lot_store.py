"""Lots drawn as far as the wallet has come, and stored: what ``lots.py`` works out, on the tables.

Drawn only when someone needs to know: an expiry, a reversal, a statement, ``tick``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, or_, select, union_all
from sqlalchemy import insert as plain_insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from ...database.rows import Stretch, Stretches
from ...database.upsert import insert
from ...slots import WalletKey
from ...tables import Draw, Entry, Hold, HoldExtension, Kind, Lot
from ..wallets.wallet_state import WalletState
from .lots import (
    BrokenHistory,
    Closed,
    DrawRows,
    EntryRow,
    Event,
    Extended,
    Lots,
    LotState,
    Opened,
    Part,
    drawn_first,
)

#: Events read and stored at a time, so that years of them fit in memory.
PAGE = 2_000

#: The columns of ``EntryRow``, ``Opened``, ``Extended``, ``Closed`` and ``LotState``.
ENTRY = (
    Entry.seq,
    Entry.kind,
    Entry.credits,
    Entry.debt,
    Entry.refers_to_seq,
    Entry.expires_at,
    Entry.amount_minor,
    Entry.key,
    Entry.balance_after,
    Entry.at,
)
OPENED = (Hold.seq, Hold.opened_credits, Hold.at, Hold.credits - Hold.opened_credits)
EXTENDED = (HoldExtension.seq, HoldExtension.hold_seq, HoldExtension.credits, HoldExtension.at)
LOT = (Lot.seq, Lot.origin, Lot.left_over, Lot.expires_at, Lot.paid, Lot.held, Lot.ended)
CLOSED = (
    Hold.closed_seq.label("seq"),
    Hold.seq.label("hold_seq"),
    Hold.key,
    Hold.credits,
    Hold.captured,
    Hold.closed_at.label("at"),
)

#: Whether a lot still has credits, left or held.
LIVE = (Lot.left_over > 0) | (Lot.held > 0)


class LotStore:
    """One wallet's lots, drawn up to its last event.

    :param keep: Whether what is found out is written to the tables; the wallet is locked then.
    """

    def __init__(self, session: Session, wallet: WalletState, *, keep: bool) -> None:
        self.session = session
        self.wallet = wallet
        self.keep = keep
        own = Stretches(session, [Stretch(wallet.id, wallet.slot, wallet.drawn_seq, wallet.seq)])
        self.lots = Lots(live_lots(session, own)[wallet.id], StoredMemory(session, wallet))
        self.catch_up()

    def catch_up(self) -> None:
        """Draw what has happened since."""
        after = self.wallet.drawn_seq
        rows = DrawRows(self.session.scalar(select(Draw.lot_upto(after, Draw.of(self.wallet)))))
        while after < self.wallet.seq:
            upto = min(after + PAGE, self.wallet.seq)
            draws: list[dict[str, int]] = []
            of_page = Stretches(self.session, [Stretch(self.wallet.id, self.wallet.slot, after, upto)])
            for event in events(self.session, of_page)[self.wallet.id]:
                if isinstance(event, EntryRow) and event.kind is Kind.REVERSAL:
                    self._store(draws)  # it asks what was drawn before it
                draws += draw_rows(self.wallet, event, rows.of(event, self.lots.feed(event)))
            self._store(draws)
            after = upto
        if self.keep:
            self.wallet.drawn_seq = after

    def _store(self, draws: list[dict[str, int]]) -> None:
        if not self.keep:
            return
        if draws:
            self.session.execute(plain_insert(Draw), draws)
            draws.clear()
        touched = [self.lots.lots[seq] for seq in sorted(self.lots.touched)]
        if touched:
            self.session.execute(
                _upsert_lots(self.session), [row_of(self.wallet.id, self.wallet.slot, lot) for lot in touched]
            )
        self.lots.forget()


def draw_rows(wallet: WalletKey, event: Event, parts: list[Part]) -> list[dict[str, int]]:
    """What an event drew, as rows."""
    of_event = {"wallet_id": wallet.id, "slot": wallet.slot, "seq": event.seq}
    return [{**of_event, **part._asdict()} for part in parts]


def row_of(wallet_id: int, slot: int, lot: LotState) -> dict[str, object]:
    """A lot's row."""
    return {
        "wallet_id": wallet_id,
        "slot": slot,
        "seq": lot.seq,
        "origin": lot.origin,
        "left_over": lot.left,
        "held": lot.held,
        "ended": lot.ended,
        "expires_at": lot.expires_at,
        "paid": lot.paid,
    }


def _upsert_lots(session: Session) -> postgresql.Insert | sqlite.Insert:
    new = insert(session, Lot)
    changed = {name: new.excluded[name] for name in ("left_over", "held", "ended")}
    return new.on_conflict_do_update(index_elements=["wallet_id", "slot", "seq"], set_=changed)


def live_lots(session: Session, stretches: Stretches) -> defaultdict[int, list[LotState]]:
    """The stored lots of each wallet that still have credits, left or held."""
    of_wallet = defaultdict[int, list[LotState]](list)
    for row in session.execute(select(Lot.wallet_id, *LOT).where(stretches.has(Lot), LIVE)):
        of_wallet[row[0]].append(LotState(*row[1:]))
    return of_wallet


def events(session: Session, stretches: Stretches) -> defaultdict[int, list[Event]]:
    """What happened in each wallet on its stretch, in order."""
    of_wallet = defaultdict[int, list[Event]](list)
    queries: Iterable[tuple[Any, Any, Select[*tuple[Any, ...]]]] = (
        (EntryRow, Entry.seq, select(Entry.wallet_id, *ENTRY)),
        (Opened, Hold.seq, select(Hold.wallet_id, *OPENED)),
        (Extended, HoldExtension.seq, select(HoldExtension.wallet_id, *EXTENDED)),
        (Closed, Hold.closed_seq, select(Hold.wallet_id, *CLOSED)),
    )
    for kind, seq, query in queries:
        for row in session.execute(query.where(stretches.within(seq.class_, seq))):
            of_wallet[row[0]].append(kind._make(row[1:]))
    for happened in of_wallet.values():
        happened.sort(key=by_seq)
    return of_wallet


class StoredMemory:
    """What ``Lots`` must know of earlier events, from the tables."""

    def __init__(self, session: Session, wallet: WalletKey) -> None:
        self.session = session
        self.wallet = wallet

    def lot(self, seq: int, before: int) -> LotState:
        row = self.session.execute(select(*LOT).where(Lot.of(self.wallet), Lot.seq == seq)).one()
        return LotState(*row)

    def drawn(self, seq: int, before: int) -> list[Part]:
        draws = select(Draw.seq, Draw.lot_seq, Draw.credits).where(Draw.of(self.wallet))
        grown = draws.join(
            HoldExtension, HoldExtension.same_wallet_as(Draw) & (HoldExtension.seq == Draw.seq)
        ).where(
            HoldExtension.of(self.wallet),
            HoldExtension.hold_seq == seq,
            is_earlier(HoldExtension.seq, before),
        )
        drawn = union_all(draws.where(Draw.seq == seq), grown).subquery().c
        endless = case((Lot.expires_at.is_(None), 1), else_=0)
        rows = self.session.execute(
            select(drawn.lot_seq, drawn.credits)
            .join(Lot, Lot.of(self.wallet) & (Lot.seq == drawn.lot_seq))
            .order_by(drawn.seq, endless, Lot.expires_at, Lot.paid, Lot.seq)
        )
        return [Part(*row) for row in rows]

    def spent(self, seq: int) -> list[Part]:
        spend = self.session.execute(
            select(Entry.kind, Entry.refers_to_seq, Entry.credits).where(
                Entry.of(self.wallet), Entry.seq == seq
            )
        ).one()
        if spend.kind is not Kind.SPEND:
            raise BrokenHistory(f"entry {seq} is reversed, and is no spend")
        if spend.refers_to_seq is None:
            return self.drawn(seq, seq) or [Part(self._lot_upto(seq), -spend.credits)]
        return drawn_first(self.drawn(spend.refers_to_seq, seq), -spend.credits)

    def _lot_upto(self, seq: int) -> int:
        lot_seq: int | None = self.session.scalar(select(Draw.lot_upto(seq, Draw.of(self.wallet))))
        if lot_seq is None:
            raise BrokenHistory(f"spend {seq} has drawn on no lot")
        return lot_seq

    def reversed(self, seq: int, before: int) -> int:
        total = self.session.scalar(
            select(func.sum(Entry.credits)).where(
                Entry.of(self.wallet),
                Entry.refers_to_seq == seq,
                Entry.kind == Kind.REVERSAL,
                is_earlier(Entry.seq, before),
            )
        )
        return int(total or 0)

    def target_of(self, seq: int) -> int:
        target = self.session.scalar(
            select(Entry.refers_to_seq).where(Entry.of(self.wallet), Entry.seq == seq)
        )
        assert target is not None, "this entry refers to another"
        return target


def is_earlier(seq: Any, before: Any) -> ColumnElement[bool]:
    """Whether one of a few rows comes before an event.

    No index is looked through for this: SQLite takes all of a wallet up to an event for fewer rows than those
    that refer to one of its entries.
    """
    earlier: ColumnElement[bool] = seq - before < 0
    return earlier


def by_seq(event: Event) -> int:
    """How events follow one another."""
    return event.seq


def has_returns_to_expire(session: Session, wallet: WalletState) -> bool:
    """Whether an open hold has drawn on a lot that is over: what it gives back expires at once."""
    over = Lot.ended | (Lot.expires_at <= wallet.now)
    held = select(Lot.seq).where(Lot.of(wallet), Lot.held > 0, over)
    return session.scalar(held.limit(1)) is not None


def lapsed(*which: ColumnElement[bool]) -> Select[int, int, int, int]:
    """Wallet, origin of the lot, ``seq`` and credits of what lapsed; negative is what moved up to a new lot.

    :param which: Conditions on ``Lot``. Its wallet is drawn to its last event.
    """
    return (
        select(Lot.wallet_id, Lot.origin, Entry.seq, (-Entry.credits).label("credits"))
        .join(Entry, Entry.same_wallet_as(Lot) & (Entry.refers_to_seq == Lot.seq))
        .where(or_(Entry.kind == Kind.EXPIRY, Entry.key.startswith("rollover:")), *which)
    )
