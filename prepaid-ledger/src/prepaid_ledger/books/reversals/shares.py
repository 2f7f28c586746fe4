"""How many of a lot's credits its refunds take: a pure rule, for who claws back and for the audit.

Money that went back stands for ``ceil(credits * refunded / paid)`` credits of its lot. What of the lot was
never spent, and is gone all the same, covers its part of them first: it lapsed, or an operator took it and
has not given it again. So a debt is never more than what was spent.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple


class Claim(NamedTuple):
    """A clawback that stands, by its ``seq``: the money that went back, or the credits that a host named.

    One of the two is ``None``.
    """

    seq: int
    refunded_minor: int | None
    claimed: int | None


class Gone(NamedTuple):
    """Credits of the lot that went at ``seq`` and were not spent; negative where they came back to it."""

    seq: int
    credits: int


@dataclass
class Share:
    """What is taken of one lot, so far.

    :param credits: What came in.
    :param paid_minor: What was paid for it, in the smallest unit of its currency.
    """

    credits: int
    paid_minor: int
    refunded_minor: int = 0
    for_money: int = 0
    named: int = 0
    gone: int = 0
    covered: int = 0

    @property
    def taken(self) -> int:
        """Credits that clawbacks have taken, or made a debt of."""
        return self.for_money + self.named

    def feed(self, move: Claim | Gone) -> None:
        """Go on by one move, in ``seq`` order."""
        if isinstance(move, Gone):
            self.gone += move.credits
        elif move.claimed is not None:
            self.named += self.of_named(move.claimed)
        elif move.refunded_minor is not None:
            self.refunded_minor += move.refunded_minor
            bought = credits_of_refund(self.credits, self.paid_minor, self.refunded_minor)
            bought = min(bought, self.credits - self.named)
            self.for_money = max(self.for_money, bought - self.gone)
            self.covered = max(0, bought - self.for_money)

    def of_named(self, credits: int) -> int:
        """How many of ``credits`` that a host names are taken."""
        covered = min(self.covered, self.gone)  # what covered a refund may have been given again
        return max(0, min(credits, self.credits - self.taken - covered) - (self.gone - covered))


def share_of(credits: int, paid_minor: int, moves: Iterable[Claim | Gone]) -> Share:
    """What is taken of a lot after these moves, in whatever order they are given."""
    share = Share(credits, paid_minor)
    for move in sorted(moves, key=lambda move: move.seq):
        share.feed(move)
    return share


def credits_of_refund(credits: int, paid_minor: int, refunded_minor: int) -> int:
    """The credits that ``refunded_minor`` of ``paid_minor`` stands for, rounded up."""
    if paid_minor == 0:
        return credits if refunded_minor > 0 else 0
    return -(-credits * min(refunded_minor, paid_minor) // paid_minor)
