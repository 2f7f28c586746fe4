"""The lots of a wallet, drawn again as the audit plays its events: what it compares the stored lots with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Generic, Protocol, TypeGuard, TypeVar

from sqlalchemy.exc import NoResultFound

from ...books.lots.lots import (
    BrokenHistory,
    DrawRows,
    EntryRow,
    Event,
    Lots,
    LotState,
    Part,
    target_of,
)
from ...tables import Kind
from ..scope.problem import Problem
from ..scope.proofs import State
from .memory import RecentMemory
from .streams import Account, StoredDraw, Tables


class LotsReplay:
    """The lots of one wallet as its events come, from the first one or from what was proved of it."""

    def __init__(self, tables: Tables, account: Account) -> None:
        self._account = account
        self._memory = RecentMemory(tables.session, account)
        self._lots = Lots([], self._memory)
        self._draws = Peekable(tables.draws.of(account.id))
        self._stored = Peekable(tables.lots.of(account.id))
        self._stored_live: dict[int, LotState] = {}
        self._broken = False
        self._drawn: dict[int, LotState] | None = None
        self._after = 0
        self._to_end: set[int] = set()
        self.draw_rows = DrawRows(None)

    def go_on(self, state: State, stored: Sequence[LotState]) -> None:
        """Begin after what was proved; ``stored`` are the lots of that time, as they are stored now."""
        self._lots = Lots(state.lots, self._memory)
        self._after = state.seq
        self.draw_rows = DrawRows(state.lot_seq)
        self._stored_live = {
            lot.seq: lot for lot in stored if lot.seq <= state.seq and (lot.left or lot.held)
        }

    def stored_upto(self, seq: int) -> list[LotState]:
        """Pass over what is stored of the events up to a mark; the lots of it."""
        for _ in self._draws.upto(seq):
            pass
        return [*self._stored.upto(seq)]

    @property
    def are_noted(self) -> bool:
        """Whether the lots were noted, as they are at the wallet's last drawn event."""
        return self._drawn is not None

    def note(self) -> None:
        """Note the lots as they are now: those that are stored are to be the same."""
        self._drawn = self.live()

    def tidy(self) -> None:
        """Let go of used-up lots."""
        self._memory.let_go(self._lots)

    def live(self) -> dict[int, LotState]:
        """The lots that have credits by now."""
        return {lot.seq: replace(lot) for lot in self._lots.lots.values() if lot.left or lot.held}

    def draw(self, event: Event) -> Iterator[Problem]:
        """What is off in what an event draws from lots, or brings in."""
        if self._broken:
            return
        came_in = self._lots.came_in
        try:
            had_ended = self._had_ended(event)
            parts = self._lots.feed(event)
        except (BrokenHistory, NoResultFound) as error:
            self._broken = True
            yield self._off("I7", f"at {event.seq}: {error}")
            return
        self._memory.remember(event, parts)
        if _ends_a_lot(event) and not had_ended and event.seq <= self._account.drawn_seq:
            yield from self._ended(target_of(event), event.seq)
        if self._lots.came_in > came_in and event.seq <= self._account.drawn_seq:
            yield from self._came_in(self._lots.lots[event.seq])
        if event.seq > self._account.drawn_seq or (
            isinstance(event, EntryRow) and event.kind is Kind.SPEND and event.refers_to_seq is not None
        ):
            return
        stored = list(self._draws.upto(event.seq))
        kept = self.draw_rows.of(event, parts)
        if stored != sorted(StoredDraw(event.seq, part) for part in kept):
            yield self._off("I9", f"the draws of {event.seq} are {_parts(stored)}, not {kept}")

    def _came_in(self, lot: LotState) -> Iterator[Problem]:
        """What of a stored lot never changes is compared now; what does, at the end, if any of it is left."""
        rows: list[LotState | None] = [*self._stored.upto(lot.seq)]
        *strays, stored = rows or [None]
        if strays or stored is None or _fixed(stored) != _fixed(lot):
            yield self._off("I9", f"lot {lot.seq} is stored as {stored}, and came in as {lot}")
            return
        if stored.left or stored.held:
            self._stored_live[stored.seq] = stored
        if stored.ended:
            self._to_end.add(lot.seq)

    def _had_ended(self, event: Event) -> bool:
        """Whether a lot has ended before this expiry, and credits came back to it."""
        return _ends_a_lot(event) and self._lots.lot(target_of(event), event.seq).ended

    def _ended(self, lot_seq: int, at_seq: int) -> Iterator[Problem]:
        """A lot that came in on this stretch is stored as ended, if an expiry says so."""
        if lot_seq in self._to_end:
            self._to_end.remove(lot_seq)
        elif lot_seq > self._after:
            yield self._off("I9", f"lot {lot_seq} is stored as one that goes on, and has ended at {at_seq}")

    def problems(self) -> Iterator[Problem]:
        """What is off once all events are drawn."""
        stored = list(self._draws.upto(None))
        if stored and not self._broken:
            yield self._off("I9", f"{len(stored)} draws belong to no event, such as {_parts(stored[:1])}")
        assert self._drawn is not None, "the lots were noted at the last event at the latest"
        strays = list(self._stored.upto(None))
        if self._broken:
            return
        if strays:
            yield self._off("I9", f"{len(strays)} lots came in by no entry, such as {strays[0]}")
        for seq in sorted(self._drawn.keys() | self._stored_live.keys()):
            expected, stored_lot = self._drawn.get(seq), self._stored_live.get(seq)
            if expected != stored_lot:
                yield self._off("I9", f"lot {seq} is stored as {stored_lot}, drawn again it is {expected}")
        for seq in sorted(self._to_end - self._drawn.keys()):
            yield self._off("I9", f"lot {seq} is stored as ended, and no expiry has ended it")
        ends = [
            lot.expires_at
            for lot in self._lots.lots.values()
            if lot.left and not lot.ended and lot.expires_at
        ]
        bound = self._account.next_expiry_at
        if ends and (bound is None or bound > min(ends)):
            yield self._off("I9", f"a lot ends at {min(ends)}, and next_expiry_at is {bound}")

    def _off(self, invariant: str, message: str) -> Problem:
        return Problem(invariant, self._account.owner, message)


def _ends_a_lot(event: Event) -> TypeGuard[EntryRow]:
    """Whether it is an expiry, and none after which the lot goes on for what of it is held."""
    return isinstance(event, EntryRow) and event.kind is Kind.EXPIRY and event.expires_at is None


class Numbered(Protocol):
    @property
    def seq(self) -> int: ...


Row = TypeVar("Row", bound=Numbered)


class Peekable(Generic[Row]):
    """A wallet's rows, taken as far as an event."""

    def __init__(self, rows: Iterator[Row]) -> None:
        self._rows = rows
        self._head = next(rows, None)

    def upto(self, seq: int | None) -> Iterator[Row]:
        while self._head is not None and (seq is None or self._head.seq <= seq):
            yield self._head
            self._head = next(self._rows, None)


def _parts(stored: list[StoredDraw]) -> list[Part]:
    return [draw.part for draw in stored]


def _fixed(lot: LotState) -> tuple[object, ...]:
    return lot.seq, lot.origin, lot.expires_at, lot.paid
