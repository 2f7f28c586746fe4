"""Which credits went first: a pure function of a wallet's entries and holds, in ``seq`` order.

Soonest expiry first, then given before paid, then oldest. A lot is open until an
expiry entry that refers to it has ended it: no time is compared while drawing. Nothing
here reads the database; ``lot_store.py`` feeds it, and so does the audit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from heapq import heapify, heappop, heappush
from typing import NamedTuple, Protocol

from ...tables import Kind

NEVER = datetime.max.replace(tzinfo=UTC)


class EntryRow(NamedTuple):
    """An entry, as the tables have it."""

    seq: int
    kind: Kind
    credits: int
    debt: int
    refers_to_seq: int | None
    expires_at: datetime | None
    amount_minor: int | None
    key: str
    balance_after: int
    at: datetime


class Opened(NamedTuple):
    """A hold that draws when it opens. It grows by ``more`` later on."""

    seq: int
    credits: int
    at: datetime
    more: int


class Extended(NamedTuple):
    """Credits that a hold draws as it grows."""

    seq: int
    hold_seq: int
    credits: int
    at: datetime


class Closed(NamedTuple):
    """The end of a hold: ``captured`` of its credits are gone, the rest goes back."""

    seq: int
    hold_seq: int
    key: str
    credits: int
    captured: int
    at: datetime


Event = EntryRow | Opened | Extended | Closed


class Part(NamedTuple):
    """So many credits of one lot. Negative in a draw that gives them back."""

    lot_seq: int
    credits: int


@dataclass
class LotState:
    """A lot, so far: ``left`` can be drawn, ``held`` is set aside by open holds."""

    seq: int
    origin: int
    left: int
    expires_at: datetime | None
    paid: bool
    held: int = 0
    ended: bool = False

    @property
    def order(self) -> tuple[datetime, bool, int]:
        return (self.expires_at or NEVER, self.paid, self.seq)

    def is_over(self, now: datetime) -> bool:
        return self.ended or (self.expires_at is not None and self.expires_at <= now)


class BrokenHistory(Exception):
    """The entries contradict each other: more is drawn than was there."""


class Memory(Protocol):
    """What ``Lots`` must know of earlier events, and does not keep."""

    def lot(self, seq: int, before: int) -> LotState:
        """A used-up lot, as it stood before an event."""

    def drawn(self, seq: int, before: int) -> list[Part]:
        """What a spend or a hold, as far as it had grown before an event, drew, in the order of drawing."""

    def spent(self, seq: int) -> list[Part]:
        """What a spend entry took, also where its hold has drawn it before."""

    def reversed(self, seq: int, before: int) -> int:
        """Credits of the spend entry that were given back before an event."""

    def target_of(self, seq: int) -> int:
        """The ``seq`` that an entry refers to."""


class Lots:
    """The lots of one wallet after the events that it was fed with.

    :param lots: Those that still have credits, left or held, at the start.
    """

    def __init__(self, lots: Iterable[LotState], memory: Memory) -> None:
        self.lots: dict[int, LotState] = {}
        self.came_in = 0
        self.touched: set[int] = set()
        self._memory = memory
        self._open_holds: dict[int, list[Part]] = {}
        self._queue: list[tuple[datetime, bool, int]] = []
        for lot in lots:
            self._keep(lot)

    def feed(self, event: Event) -> list[Part]:
        """What the event drew from lots, or gave back to them (negative).

        :raises BrokenHistory: It cannot follow the events before it.
        """
        if isinstance(event, Opened):
            return self._open(event)
        if isinstance(event, Extended):
            return self._extend(event)
        if isinstance(event, Closed):
            return self._close(event)
        if event.kind is Kind.SPEND:
            # A capture draws nothing: its hold has.
            return self._draw(-event.credits) if event.refers_to_seq is None else []
        if event.kind is Kind.REVERSAL:
            return self._reverse(event)
        if event.credits > 0:
            self._come_in(event, self._origin(event))
            return []
        if event.kind is Kind.EXPIRY:
            return self._end(event)
        if event.kind is Kind.CLAWBACK:
            return self._claw_back(event)
        return self._draw(-event.credits)  # an adjustment

    def forget(self) -> None:
        """Let go of the lots that are used up, once they are stored."""
        for seq in self.touched:
            if not (self.lots[seq].left or self.lots[seq].held):
                del self.lots[seq]
        self.touched.clear()
        self._queue = [lot.order for lot in self.lots.values()]
        heapify(self._queue)

    def over(self, now: datetime) -> list[LotState]:
        """Lots that have ended or are due, and have credits left to expire."""
        return sorted((lot for lot in self.lots.values() if lot.left and lot.is_over(now)), key=by_order)

    def next_expiry_at(self, now: datetime) -> datetime | None:
        """When the next lot ends. One that is over counts as long as credits of it are to expire.

        What is held of such a lot ends when its hold does.
        """
        times = [
            lot.expires_at
            for lot in self.lots.values()
            if lot.expires_at is not None
            and not lot.ended
            and (lot.left or (lot.held and not lot.is_over(now)))
        ]
        return min(times, default=None)

    def in_order(self) -> list[LotState]:
        """The lots at hand, in the order in which they are drawn."""
        return sorted(self.lots.values(), key=by_order)

    def lot(self, seq: int, before: int) -> LotState:
        """The lot that came in at ``seq``; a used-up one is remembered as it stood before an event."""
        if seq not in self.lots:
            self._keep(self._memory.lot(seq, before))
        self.touched.add(seq)
        return self.lots[seq]

    def _keep(self, lot: LotState) -> None:
        self.lots[lot.seq] = lot
        heappush(self._queue, lot.order)

    def _come_in(self, event: EntryRow, origin: int) -> None:
        paid = event.kind in (Kind.PURCHASE, Kind.ALLOWANCE) and bool(event.amount_minor)
        self._keep(LotState(event.seq, origin, event.credits, event.expires_at, paid))
        self.came_in += 1
        self.touched.add(event.seq)

    def _origin(self, event: EntryRow) -> int:
        """The lot that credits first came in by. A restored clawback and a roll-over refer to theirs."""
        if event.refers_to_seq is None:
            return event.seq
        lot = (
            self._memory.target_of(event.refers_to_seq)
            if event.kind is Kind.CLAWBACK
            else event.refers_to_seq
        )
        return self.lot(lot, event.seq).origin

    def _take(self, lot: LotState, credits: int) -> Part:
        if credits > lot.left:
            raise BrokenHistory(f"lot {lot.seq} gives {credits} credits and has {lot.left}")
        lot.left -= credits
        self.touched.add(lot.seq)
        return Part(lot.seq, credits)

    def _give_back(self, parts: list[Part], before: int) -> list[Part]:
        for part in parts:
            lot = self.lot(part.lot_seq, before)
            lot.left += part.credits
            heappush(self._queue, lot.order)
        back = Counter[int]()
        for part in parts:  # a hold that has grown may have drawn on one lot more than once
            back[part.lot_seq] -= part.credits
        return [Part(*of_lot) for of_lot in back.items()]

    def _draw(self, credits: int) -> list[Part]:
        parts = []
        while credits:
            if not self._queue:
                raise BrokenHistory(f"{credits} credits more are drawn than the lots have")
            lot = self.lots.get(self._queue[0][2])
            if lot is None or not lot.left:
                heappop(self._queue)
                continue
            part = self._take(lot, min(credits, lot.left))
            parts.append(part)
            credits -= part.credits
        return parts

    def _open(self, hold: Opened) -> list[Part]:
        parts = self._open_holds[hold.seq] = self._draw(hold.credits)
        for part in parts:
            self.lots[part.lot_seq].held += part.credits
        return parts

    def _extend(self, more: Extended) -> list[Part]:
        so_far = self._open_holds.get(more.hold_seq) or self._memory.drawn(more.hold_seq, more.seq)
        parts = self._draw(more.credits)
        for part in parts:
            self.lots[part.lot_seq].held += part.credits
        self._open_holds[more.hold_seq] = [*so_far, *parts]
        return parts

    def _close(self, end: Closed) -> list[Part]:
        parts = self._open_holds.pop(end.hold_seq, None) or self._memory.drawn(end.hold_seq, end.seq)
        for part in parts:
            lot = self.lot(part.lot_seq, end.seq)
            lot.held -= part.credits
            if lot.held < 0:
                raise BrokenHistory(f"lot {lot.seq} is held for less than the hold {end.hold_seq} gives up")
        rest = sum(part.credits for part in parts) - end.captured
        return self._give_back(drawn_last(parts, rest), end.seq)

    def _reverse(self, event: EntryRow) -> list[Part]:
        """Give back to the lots last drawn first, or make a lot of what came from an ended one."""
        spend = target_of(event)
        skip = self._memory.reversed(spend, event.seq)
        parts = drawn_last(self._memory.spent(spend), event.credits, skip=skip)
        ended = [lot for part in parts if (lot := self.lot(part.lot_seq, event.seq)).ended]
        if not ended:
            return self._give_back(parts, event.seq)
        if len(parts) > 1:
            raise BrokenHistory(f"the reversal {event.seq} mixes an ended lot with others")
        self._come_in(event, ended[0].origin)
        return []

    def _end(self, event: EntryRow) -> list[Part]:
        lot = self.lot(target_of(event), event.seq)
        if event.expires_at is None:  # else its rest has moved, to end then, and it goes on for what is held
            lot.ended = True
        return [self._take(lot, -event.credits)] if event.credits else []

    def _claw_back(self, event: EntryRow) -> list[Part]:
        """The rest of its lot first, then what came back of it, then others in their order."""
        parts = []
        credits = -event.credits
        live = (lot for lot in self.lots.values() if lot.left)
        for lot in sorted(
            live,
            key=lambda lot: (lot.seq != event.refers_to_seq, lot.origin != event.refers_to_seq, lot.order),
        ):
            if not credits:
                break
            part = self._take(lot, min(credits, lot.left))
            parts.append(part)
            credits -= part.credits
        if credits:
            raise BrokenHistory(f"the clawback {event.seq} takes {credits} credits more than the lots have")
        return parts


class DrawRows:
    """Which parts of a wallet's draws are kept as rows: not those of a spend from the lot of the row before.

    :param lot_seq: The lot that the last row so far names.
    """

    def __init__(self, lot_seq: int | None) -> None:
        self.lot_seq = lot_seq

    def of(self, event: Event, parts: list[Part]) -> list[Part]:
        """The parts of the next event that are kept."""
        is_spend = isinstance(event, EntryRow) and event.kind is Kind.SPEND
        if is_spend and [part.lot_seq for part in parts] == [self.lot_seq]:
            return []
        self.lot_seq = max((part.lot_seq for part in parts), default=self.lot_seq)
        return parts


def target_of(event: EntryRow) -> int:
    """The ``seq`` that the entry refers to.

    :raises BrokenHistory: It does not say.
    """
    if event.refers_to_seq is None:
        raise BrokenHistory(f"the {event.kind} {event.seq} does not refer to what it is about")
    return event.refers_to_seq


def by_order(lot: LotState) -> tuple[datetime, bool, int]:
    return lot.order


def drawn_first(parts: list[Part], credits: int) -> list[Part]:
    """The ``credits`` that were drawn first."""
    taken = []
    for part in parts:
        here = min(part.credits, credits)
        credits -= here
        if here:
            taken.append(Part(part.lot_seq, here))
    return taken


def drawn_last(parts: list[Part], credits: int, *, skip: int = 0) -> list[Part]:
    """The ``credits`` that were drawn last, but for the ``skip`` after them; last drawn first.

    :raises BrokenHistory: Fewer were drawn.
    """
    taken = []
    for part in reversed(parts):
        skipped = min(skip, part.credits)
        skip -= skipped
        here = min(part.credits - skipped, credits)
        credits -= here
        if here:
            taken.append(Part(part.lot_seq, here))
    if credits:
        raise BrokenHistory(f"{credits} credits more are given back than were drawn")
    return taken
