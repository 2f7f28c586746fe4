"""What the audit remembers of a wallet's earlier events: the latest in memory, older ones from the tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from ...books.lots.lot_store import StoredMemory, is_earlier
from ...books.lots.lots import EntryRow, Event, Extended, Lots, LotState, Opened, Part, drawn_first
from ...slots import WalletKey
from ...tables import Entry, Kind

#: How many spends, holds and used-up lots of one wallet are remembered.
SPAN = 20_000

Value = TypeVar("Value")


@dataclass
class Spend:
    """What a spend drew, and how many of its credits were given back so far."""

    parts: list[Part]
    returned: int = 0


class RecentMemory:
    """Answers from memory what happened lately, which is nearly all that is needed.

    The tables answer the rest. What they say of draws was compared before, since the
    audit reads in the same order.
    """

    def __init__(self, session: Session, wallet: WalletKey) -> None:
        self._session = session
        self._wallet = wallet
        self._stored = StoredMemory(session, wallet)
        self._spends: dict[int, Spend] = {}
        self._holds: dict[int, list[Part]] = {}
        self._lots: dict[int, LotState] = {}
        self._clawbacks: dict[int, int] = {}

    def remember(self, event: Event, parts: list[Part]) -> None:
        """Keep what a later event may ask about."""
        if isinstance(event, Opened):
            _keep(self._holds, event.seq, parts)
        elif isinstance(event, Extended):
            if event.hold_seq in self._holds:
                self._holds[event.hold_seq] = [*self._holds[event.hold_seq], *parts]
        elif not isinstance(event, EntryRow):
            return
        elif event.kind is Kind.SPEND:
            if event.refers_to_seq is None:
                _keep(self._spends, event.seq, Spend(parts))
            elif event.refers_to_seq in self._holds:
                captured = drawn_first(self._holds[event.refers_to_seq], -event.credits)
                _keep(self._spends, event.seq, Spend(captured))
        elif event.kind is Kind.REVERSAL and event.refers_to_seq in self._spends:
            self._spends[event.refers_to_seq].returned += event.credits
        elif event.kind is Kind.CLAWBACK and event.refers_to_seq is not None:
            _keep(self._clawbacks, event.seq, event.refers_to_seq)

    def let_go(self, lots: Lots) -> None:
        """Take over the lots that are used up."""
        for seq in lots.touched:
            _keep(self._lots, seq, lots.lots[seq])
        lots.forget()

    def lot(self, seq: int, before: int) -> LotState:
        remembered = self._lots.get(seq)
        if remembered is not None:
            return remembered
        lot = self._stored.lot(seq, before)
        ended = select(Entry.seq).where(
            Entry.of(self._wallet),
            Entry.refers_to_seq == seq,
            Entry.kind == Kind.EXPIRY,
            Entry.expires_at.is_(None),
            is_earlier(Entry.seq, before),
        )
        lot.left = lot.held = 0
        lot.ended = self._session.scalar(ended.limit(1)) is not None
        return lot

    def drawn(self, seq: int, before: int) -> list[Part]:
        return self._holds[seq] if seq in self._holds else self._stored.drawn(seq, before)

    def spent(self, seq: int) -> list[Part]:
        return self._spends[seq].parts if seq in self._spends else self._stored.spent(seq)

    def reversed(self, seq: int, before: int) -> int:
        if seq in self._spends:
            return self._spends[seq].returned
        return self._stored.reversed(seq, before)

    def target_of(self, seq: int) -> int:
        return self._clawbacks[seq] if seq in self._clawbacks else self._stored.target_of(seq)


def _keep(memory: dict[int, Value], seq: int, value: Value) -> None:
    memory[seq] = value
    if len(memory) > SPAN:
        del memory[next(iter(memory))]
