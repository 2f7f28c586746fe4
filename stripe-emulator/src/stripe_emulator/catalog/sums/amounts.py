"""Money of an invoice line, and the words beside it.

Amounts are whole minor units. Stripe rounds each line to the nearest unit, halves away from
zero, and never carries what was rounded off to the next line. Where only coins of several units
can be charged, as of dinars, it is the nearest coin: ``money.coin`` says which.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

from stripe_emulator.core import money
from stripe_emulator.core.time import periods
from stripe_emulator.core.types import Json


def rounded(value: Fraction | Decimal, coin: int = 1) -> int:
    """The nearest whole number of coins, in units; a half goes away from zero."""
    doubled = abs(Fraction(value)) * 2 / coin
    whole = coin * ((doubled.numerator + doubled.denominator) // (2 * doubled.denominator))
    return whole if value >= 0 else -whole


def share(amount: int, *, start: int, end: int, since: int, coin: int = 1) -> int:
    """What is left of ``amount`` for the period ``start`` to ``end`` from ``since`` on, to the second."""
    if since <= start:
        return amount
    return rounded(Fraction(amount * max(0, end - since), end - start), coin)


def rate(price: Json) -> str:
    """What a unit costs, as people read it: ``$10.00``, also where it has a fraction of a cent."""
    exact, code = Decimal(price["unit_amount_decimal"] or 0), price["currency"]
    if exact == int(exact):
        return money.text(int(exact), code)
    decimals = 0 if code in money.ZERO_DECIMAL else 3 if code in money.THREE_DECIMAL else 2
    symbol = money.SYMBOLS.get(code, code.upper() + " ")
    return f"{symbol}{exact.scaleb(-decimals).normalize():,f}"


def day(moment: int) -> str:
    """A date as Stripe writes it on an invoice: ``25 Jul 2026``."""
    then = datetime.fromtimestamp(moment, UTC)
    return f"{then.day:02d} {then:%b %Y}"


@dataclass(frozen=True)
class Sold:
    """What a line names: a product by the unit that it is sold in, if it has one."""

    name: str
    unit: str | None = None

    def counted(self, quantity: int) -> str:
        """``2 × Gold``, or ``2 seat × Gold``: Stripe does not put the unit into the plural."""
        return f"{quantity} {self.unit} × {self.name}" if self.unit else f"{quantity} × {self.name}"


def regular(sold: Sold, price: Json, quantity: int) -> str:
    """``2 × Gold (at $10.00 / month)``."""
    what = sold.counted(quantity)
    if price["billing_scheme"] == "tiered":
        return f"{what} (tiered / {periods.of_price(price)})"
    return f"{what} (at {rate(price)} / {periods.of_price(price)})"


def unused(sold: Sold, quantity: int, moment: int) -> str:
    """``Unused time on 2 × Gold after 25 Jul 2026``."""
    return f"Unused time on {_several(sold, quantity)} after {day(moment)}"


def remaining(sold: Sold, quantity: int, moment: int) -> str:
    """``Remaining time on 2 × Gold after 25 Jul 2026``."""
    return f"Remaining time on {_several(sold, quantity)} after {day(moment)}"


def trial(sold: Sold, quantity: int) -> str:
    """``Free trial for 1 × Gold``."""
    return f"Free trial for {sold.counted(quantity)}"


def _several(sold: Sold, quantity: int) -> str:
    return sold.name if quantity == 1 else sold.counted(quantity)
