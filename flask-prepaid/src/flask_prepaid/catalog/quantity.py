"""A free quantity of credits, priced by volume."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from prepaid_ledger import is_whole

from .. import checks, money
from ..checks import MAX_CREDITS
from ..errors import ConfigError, UnknownItem
from ..languages import units
from ..languages.formats import plain_number
from ..languages.words import gettext as _
from .prices import check_coins, check_currency


@dataclass(frozen=True)
class PriceTier:
    """The price of a credit, from some number of them on.

    :param from_credits: From so many credits on it holds, for all of them.
    :param unit_minor: What one credit costs, in the smallest unit of the currency.
    :raises ConfigError: One of them is no whole number from 1 on.
    """

    from_credits: int
    unit_minor: int

    def __post_init__(self) -> None:
        here = f"PriceTier({self.from_credits!r}, {self.unit_minor!r})"
        checks.whole(f"{here}.from_credits", self.from_credits, min=1, max=MAX_CREDITS)
        checks.whole(f"{here}.unit_minor", self.unit_minor, min=1, max=10**12)


@dataclass(frozen=True)
class Quantity:
    """Any whole number of credits, priced by volume: all units at the price of their tier.

    A larger quantity never costs less: where a cheaper tier begins, the total
    stays at what the last quantity before it costs until the tier exceeds it.

    :param tiers: They rise by ``from_credits``, and the first covers ``min_credits``.
    :param currency: Three small letters, as Stripe has it.
    :param min_credits: The smallest quantity. It costs no less than Stripe charges at least.
    :param max_credits: The largest quantity.
    :raises ConfigError: One of them is wrong: the message names it, with the cure.
    """

    tiers: tuple[PriceTier, ...]
    currency: str = "usd"
    min_credits: int = 1
    max_credits: int = 1_000

    def __post_init__(self) -> None:
        here = "Quantity"
        tiers: Any = self.tiers
        if not isinstance(tiers, tuple | list) or not all(isinstance(tier, PriceTier) for tier in tiers):
            checks.refuse(f"{here}.tiers", tiers, "Write a tuple of tiers, such as (PriceTier(1, 100),).")
        object.__setattr__(self, "tiers", tuple(tiers))
        checks.whole(f"{here}.max_credits", self.max_credits, min=1, max=MAX_CREDITS)
        checks.whole(f"{here}.min_credits", self.min_credits, min=1, max=self.max_credits)
        check_currency(f"{here}.currency", self.currency)
        starts = [tier.from_credits for tier in tiers]
        if not starts or starts[0] > self.min_credits or starts != sorted(set(starts)):
            checks.refuse(
                f"{here}.tiers", tiers, "Let them rise by from_credits, and the first cover min_credits."
            )
        if starts[-1] > self.max_credits:
            cure = f"Write max_credits={starts[-1]} or more, or leave the last tier out."
            raise ConfigError(
                f"{here}.max_credits is {self.max_credits}, and a tier begins at {starts[-1]}. {cure}"
            )
        for tier in tiers:
            check_coins(f"{here}: a unit_minor", tier.unit_minor, self.currency)
        self._check_ends(here)

    def _check_ends(self, here: str) -> None:
        """A larger quantity never costs less, so the smallest and the largest tell of all."""
        least, most = money.min_charge_minor(self.currency), money.max_charge_minor(self.currency)
        price = self.amount_minor(self.min_credits)
        if price < least:
            enough = self._enough(least)
            cure = f"Write min_credits={enough}." if enough else "Let more be bought, or at a higher price."
            raise ConfigError(
                f"{here}.min_credits is {self.min_credits}: {units.credits(self.min_credits)} would cost "
                f"{money.show(price, self.currency)}, and Stripe charges nothing below "
                f"{money.show(least, self.currency)}. {cure}"
            )
        price = self.amount_minor(self.max_credits)
        if price > most:
            raise ConfigError(
                f"{here}.max_credits is {self.max_credits}: {units.credits(self.max_credits)} would cost "
                f"{money.show(price, self.currency)}, and Stripe charges at most "
                f"{money.show(most, self.currency)}. Write fewer."
            )

    def _enough(self, least_minor: int) -> int | None:
        """The smallest quantity that costs so much; ``None`` if none does."""
        low, high = self.min_credits, self.max_credits
        if self.amount_minor(high) < least_minor:
            return None
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if self.amount_minor(middle) >= least_minor else (middle + 1, high)
        return low

    def amount_minor(self, credits: int) -> int:
        """The price of ``credits`` in the smallest unit of the currency.

        :raises UnknownItem: The quantity is not sold.
        """
        if not is_whole(credits, self.min_credits, self.max_credits):
            raise UnknownItem(
                _(
                    "Choose a whole number of credits from %(min)s to %(max)s.",
                    min=plain_number(self.min_credits),
                    max=plain_number(self.max_credits),
                ),
                field="credits",
            )
        floor = 0
        amount = 0
        for index, tier in enumerate(self.tiers):
            if tier.from_credits > credits:
                break
            amount = max(credits * tier.unit_minor, floor)
            if index + 1 < len(self.tiers):
                last = self.tiers[index + 1].from_credits - 1
                floor = max(last * tier.unit_minor, floor)
        return amount
