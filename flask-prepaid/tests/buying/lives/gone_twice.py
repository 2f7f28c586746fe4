"""Money that has gone back twice, told apart from the product: what it had paid for the second time.

A payment's money goes to its payer, by refunds and disputes, or moves: to the balance at Stripe, or to what a
changed plan costs. What has moved and is gone all the same, is lost for what it has paid.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .model import Payment


@dataclass(eq=False)
class Move:
    """So much of a payment's money has gone to the balance at Stripe, or has paid for a change, ``to``."""

    payment: Payment
    minor: int
    at: datetime
    to: Payment | None = None
    is_lost: int = 0


def lost(payments: Iterable[Payment]) -> tuple[Counter[Payment], Counter[Payment]]:
    """What of each payment the balance has paid, and what an earlier plan, with money that was gone."""
    paid = list(payments)
    moves = sorted((move for payment in paid for move in payment.all_moves()), key=lambda move: move.at)
    of_balance: Counter[Payment] = Counter()
    of_carried: Counter[Payment] = Counter()

    def lose(move: Move) -> int:
        """What of a move is gone, beyond what other moves of the same payment have lost."""
        source = move.payment
        mine = [each for each in moves if each.payment is source]
        gone = source.gone_minor + of_carried[source] + sum(each.minor for each in mine)
        beyond = gone - source.paid_minor - source.carried_minor - sum(each.is_lost for each in mine)
        move.is_lost = max(0, min(beyond, move.minor))
        return move.is_lost

    for move in moves:
        move.is_lost = 0
    for move in moves:
        if move.to is not None:
            of_carried[move.to] += lose(move)
    for move in moves:
        if move.to is None:
            left = lose(move)
            bought = [each for each in paid if each.from_balance_minor and each.at >= move.at]
            left = spread(left, bought, of_balance, lambda each: not_gone(each, moves, of_carried))
            changed = [each.to for each in moves if each.to is not None and each.payment in bought]
            spread(left, changed, of_carried, lambda each: each.carried_minor)
    return of_balance, of_carried


def not_gone(payment: Payment, moves: list[Move], of_carried: Counter[Payment]) -> int:
    """What of the balance's part is neither back nor moved on."""
    on = sum(move.minor for move in moves if move.payment is payment)
    left = payment.paid_minor + payment.carried_minor - payment.gone_minor - on - of_carried[payment]
    return min(payment.from_balance_minor, left)


def spread(
    minor: int, payments: list[Payment], lost: Counter[Payment], room: Callable[[Payment], int]
) -> int:
    """Let payments lose so much, the first ones first; what is left."""
    for payment in payments:
        part = max(0, min(minor, room(payment) - lost[payment]))
        lost[payment] += part
        minor -= part
    return minor
