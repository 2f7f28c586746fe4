"""What the model of the ledger is made of: lots, what was taken from them, holds, budgets, clawbacks."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)


@dataclass(eq=False)
class Lot:
    key: str
    number: int
    credits: int
    left: int
    expires_at: datetime | None
    paid: bool
    amount_minor: int | None
    is_allowance: bool = False
    origin: Lot | None = None
    ended: bool = False
    gone: int = 0
    by_hand: bool = False

    @property
    def first(self) -> Lot:
        """The lot that its credits first came in by, which counts what of them goes unspent."""
        return self.origin or self

    def is_over(self, now: datetime) -> bool:
        return self.ended or (self.expires_at is not None and self.expires_at <= now)

    @property
    def order(self) -> tuple[bool, float, bool, int]:
        ends = self.expires_at.timestamp() if self.expires_at else 0.0
        return (self.expires_at is None, ends, self.paid, self.number)


@dataclass(eq=False)
class Taken:
    """Credits that left their lots at ``at``: by a spend, or set aside by a hold.

    A hold that has grown was ``charged`` so many at each of some times. ``owed`` were charged beside them.
    """

    at: datetime
    parts: list[tuple[Lot, int]]
    spender: str | None = None
    returned: int = 0
    charged: list[tuple[datetime, int]] = field(default_factory=list)
    owed: tuple[datetime, int] | None = None

    @property
    def credits(self) -> int:
        return sum(credits for _, credits in self.parts)

    def charges(self) -> list[tuple[datetime, int]]:
        """When its credits were charged, but for those that came back: the last ones come back first."""
        kept = self.credits - self.returned
        charges = []
        for at, credits in self.charged or [(self.at, self.credits)]:
            charges.append((at, min(credits, kept)))
            kept -= charges[-1][1]
        return charges + ([self.owed] if self.owed else [])


@dataclass(eq=False)
class Held:
    """``counted`` is what its meter has written down."""

    taken: Taken
    expires_at: datetime
    state: str = "open"
    captured: int = 0
    counted: int | None = None

    def captured_part(self, credits: int) -> Taken:
        """What a capture of so many takes of it."""
        taken = self.taken
        return Taken(taken.at, first(taken.parts, credits), taken.spender, charged=taken.charged)


@dataclass(frozen=True)
class Budget:
    spender: str | None
    every: str | None
    zone: str
    credits: int

    def window(self, at: datetime) -> object:
        """Which window a time lies in."""
        day = at.astimezone(ZoneInfo(self.zone)).date()
        windows = {None: "ever", "day": day, "week": day.isocalendar()[:2], "month": (day.year, day.month)}
        return windows[self.every]


@dataclass(eq=False)
class Clawback:
    """``gone`` of its lot's credits had gone unspent by then, and make no debt.

    By money that went back, or by credits that were ``claimed`` where ``refunded_minor`` is ``None``.
    """

    lot: Lot
    refunded_minor: int | None
    at: datetime
    gone: int
    claimed: int = 0
    debt: int = 0
    undone: bool = False


def first(parts: list[tuple[Lot, int]], credits: int) -> list[tuple[Lot, int]]:
    taken = []
    for lot, part in parts:
        here = min(part, credits)
        credits -= here
        if here:
            taken.append((lot, here))
    return taken


def last(parts: list[tuple[Lot, int]], credits: int, skip: int = 0) -> list[tuple[Lot, int]]:
    """The ``credits`` drawn last but for the ``skip`` after them; drawn last comes first."""
    total = sum(part for _, part in parts)
    kept = first(parts, total - skip)
    before = first(kept, total - skip - credits)
    return [
        (lot, part - stays)
        for (lot, part), stays in reversed(list(zip(kept, stays_of(before, kept), strict=True)))
        if part > stays
    ]


def stays_of(before: list[tuple[Lot, int]], kept: list[tuple[Lot, int]]) -> list[int]:
    """How many credits of each kept part stay."""
    amounts = [part for _, part in before]
    return amounts + [0] * (len(kept) - len(amounts))
