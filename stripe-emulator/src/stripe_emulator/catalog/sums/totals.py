"""An invoice's sums: discounts spread over lines, taxes on what is left, what remains to pay.

https://docs.stripe.com/billing/subscriptions/coupons, https://docs.stripe.com/billing/customer/balance
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from stripe_emulator.catalog.sums.amounts import rounded


@dataclass(frozen=True)
class Cut:
    """What a coupon takes: a percentage, or an amount in minor units; in coins of so many units."""

    percent: Decimal | None = None
    amount: int | None = None
    coin: int = 1


@dataclass(frozen=True)
class Rate:
    """A tax rate: its percentage, and whether prices already contain it."""

    percent: Decimal
    inclusive: bool


@dataclass(frozen=True)
class AfterBalance:
    """What is left of an invoice after the customer's balance. A negative balance is credit."""

    amount_due: int
    ending_balance: int


def spread(amounts: Sequence[int], total: int) -> list[int]:
    """Divide ``total`` over lines by their amounts, to the unit: the parts add up to it.

    What rounding leaves goes to the lines that lost most by it, the first of equals.
    """
    whole = sum(amounts)
    if whole == 0:
        return [0] * len(amounts)
    exact = [Fraction(total * amount, whole) for amount in amounts]
    parts = [int(part) for part in exact]
    left = total - sum(parts)
    step = 1 if left > 0 else -1
    by_loss = sorted(range(len(parts)), key=lambda index: (-abs(exact[index] - parts[index]), index))
    for index in by_loss[: abs(left)]:
        parts[index] += step
    return parts


def discounted(amounts: Sequence[int], cut: Cut) -> list[int]:
    """What a coupon takes off each line. An amount never takes more than there is."""
    total = sum(amounts)
    if cut.percent is not None:
        coins = rounded(Fraction(cut.percent) * total / 100, cut.coin) // cut.coin
        return [coin * cut.coin for coin in spread(amounts, coins)]
    assert cut.amount is not None, "a coupon takes a percentage or an amount"
    return spread(amounts, min(cut.amount, max(0, total)))


def tax(amount: int, rates: Sequence[Rate], coin: int = 1) -> list[int]:
    """The tax of each rate on one line's amount after discounts, as Stripe rounds it: per line and rate."""
    if not rates:
        return []
    inside = sum((rate.percent for rate in rates if rate.inclusive), Decimal(0))
    net = Fraction(amount) / (1 + Fraction(inside) / 100)
    return [
        rounded((net if rate.inclusive or inside else amount) * Fraction(rate.percent) / 100, coin)
        for rate in rates
    ]


def after_balance(total: int, balance: int, *, minimum: int) -> AfterBalance:
    """Apply the customer's balance to a total.

    Credit pays first, and a negative total becomes credit. What is too small to charge is left
    on the balance for the next invoice.
    """
    owed = total + balance
    if owed >= minimum:
        return AfterBalance(owed, 0)
    return AfterBalance(0, owed)
